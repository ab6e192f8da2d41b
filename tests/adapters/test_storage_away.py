"""What storage that fails comes to: a blink is bridged, what lasts is told in words, and no worker stands still."""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from azure.core.exceptions import HttpResponseError

from sandbox.azurite import ACCOUNT, ACCOUNT_KEY, Azurite
from sandbox.faults.proxy import StorageProxy
from sandbox.kit import Fault, FaultKind
from shared.adapters.patience import Patience
from shared.adapters.storage.clients import SETTING, open_storage
from shared.adapters.storage.queues import StorageWorkQueue
from shared.adapters.storage.records import TableRecordStore
from shared.adapters.storage.state import TableStateStore
from shared.domain.envelope import Envelope
from shared.domain.errors import RetryLater
from shared.ports.storage import STORAGE, Lease
from tests.adapters.support import START, HandClock, SentHints, ref, serving

BRIEF: Final = Patience(connect=0.5, read=0.5, tries=1, longest_sleep=0.01)


class Away:
    """Stores over a table that can fail."""

    def __init__(self, proxy: StorageProxy, state: TableStateStore, records: TableRecordStore) -> None:
        self.proxy, self.state, self.records = proxy, state, records


@asynccontextmanager
async def opened(azurite: Azurite) -> AsyncIterator[Away]:
    proxy = StorageProxy("table", f"http://127.0.0.1:{azurite.ports.table}")
    async with serving(proxy.app) as url:
        text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
        text += (
            f"TableEndpoint={url}/{ACCOUNT};QueueEndpoint=http://127.0.0.1:{azurite.ports.queue}/{ACCOUNT};"
        )
        clients = open_storage({SETTING: text}, prefix="t" + uuid.uuid4().hex[:16], patience=BRIEF)
        await clients.prepare()
        records = TableRecordStore(clients.records, SentHints(), HandClock(), "one")
        yield Away(proxy, TableStateStore(clients.state), records)
        await clients.close()


@pytest.fixture
async def away(azurite: Azurite) -> AsyncIterator[Away]:
    async with opened(azurite) as running:
        yield running


@pytest.mark.parametrize("kind", ["reset", "hang", "html", "badjson", "cut"])
async def test_what_lasts_is_told_in_words(away: Away, kind: FaultKind) -> None:
    await away.state.save("default", "x", {"a": 1})
    away.proxy.faults = [Fault(kind, seconds=0.7)]
    with pytest.raises(RetryLater) as later:
        await away.state.load("default", "x")
    assert later.value.cause == STORAGE
    assert later.value.todo
    away.proxy.faults = []
    assert await away.state.load("default", "x") == {"a": 1}


@pytest.mark.parametrize(("status", "word"), [(403, "refuses"), (503, "reached"), (429, "reached")])
async def test_a_refusal_is_told_in_words_without_the_rest_that_it_asks_for(
    away: Away, status: int, word: str
) -> None:
    away.proxy.faults = [Fault("status", status=status, headers={"Retry-After": "60"})]
    began = time.monotonic()
    with pytest.raises(RetryLater, match=word):
        _ = [name async for name, _ in away.state.named("default", "x")]
    assert time.monotonic() - began < 10


async def test_what_no_try_will_change_stays_the_librarys_error(away: Away) -> None:
    """The host gives such a message up, and it is shown."""
    away.proxy.faults = [Fault("status", status=413)]
    with pytest.raises(HttpResponseError):
        await away.state.save("default", "x", {"a": 1})


async def test_a_blink_is_bridged(away: Away) -> None:
    away.proxy.faults = [Fault("status", status=503, times=1)]
    assert await away.state.load("default", "x") == {}


async def test_a_lease_whose_answer_is_lost_is_taken_by_the_next_try(away: Away) -> None:
    now = away.records.clock.now()
    away.proxy.faults = [Fault("lost", route="POST", times=1)]
    with pytest.raises(RetryLater):
        await away.records.begin(ref(), now, same_clock=True, impatient=False)
    lease = await away.records.begin(ref(), now, same_clock=True, impatient=True)
    assert isinstance(lease, Lease)
    assert lease.fence == 2


async def test_a_queue_that_is_away_is_told_in_words() -> None:
    gone = f"QueueEndpoint=http://127.0.0.1:9/{ACCOUNT};TableEndpoint=http://127.0.0.1:9/{ACCOUNT};"
    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{gone}"
    clients = open_storage({SETTING: text}, patience=BRIEF)
    queue = StorageWorkQueue(clients.sync, clients.sweep)
    with pytest.raises(RetryLater) as later:
        await queue.send(Envelope("default", "company", "7", "test", START))
    assert later.value.cause == STORAGE
    await clients.close()
