"""The limits of Table and Queue Storage: what is more is divided, compressed, cut for the eyes, or refused by name."""

import random
from typing import Any

import pytest

from shared.adapters.storage import limits, records, rows
from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.records import TableRecordStore
from shared.adapters.storage.state import TableStateStore
from shared.domain.envelope import MAX_BYTES, Envelope
from shared.domain.errors import TooLarge
from shared.domain.records import Link, Record, RecordRef, State
from shared.ports.storage import Lease
from tests.adapters.support import START, HandClock, SentHints, attempt, done, held, ref, with_links

KEY = {"PartitionKey": "p", "RowKey": "r"}
MANY_LINKS = 60
SMILE = "\N{GRINNING FACE}"


@pytest.fixture
def store(storage: StorageClients) -> TableRecordStore:
    return TableRecordStore(storage.records, SentHints(), HandClock(), "test")


async def begin(store: TableRecordStore, record: RecordRef) -> Lease:
    lease = await store.begin(record, START, same_clock=True, impatient=True)
    assert isinstance(lease, Lease)
    return lease


def noise(characters: int) -> str:
    """Text that no compression makes much smaller."""
    return random.Random(1).randbytes(characters // 2).hex()


def at(name: str, value: object) -> dict[str, Any]:
    """A row with one property."""
    return {**KEY, name: value}


@pytest.mark.parametrize(
    ("fits", "refused", "why"),
    [
        (at("text", "x" * 32_768), at("text", "x" * 32_769), "the property text has 65,538 bytes"),
        (at("text", SMILE * 16_384), at("text", SMILE * 16_385), "the property text has 65,540 bytes"),
        (at("data", bytes(65_536)), at("data", bytes(65_537)), "the property data has 65,537 bytes"),
        ({**KEY, "RowKey": "k" * 512}, {**KEY, "RowKey": "k" * 513}, "RowKey kkk"),
        ({**KEY, "PartitionKey": "k" * 512}, {**KEY, "PartitionKey": "k" * 513}, "PartitionKey kkk"),
        (
            KEY | {f"p{number}": 1 for number in range(252)},
            KEY | {f"p{number}": 1 for number in range(253)},
            "the row has 253 properties of at most 252",
        ),
        (
            KEY | {f"p{number}": bytes(65_000) for number in range(16)},
            KEY | {f"p{number}": bytes(65_500) for number in range(16)} | {"q": "x" * 900},
            "the row has 1,0",
        ),
    ],
    ids=["property", "surrogates", "bytes", "row key", "partition key", "properties", "entity"],
)
def test_each_limit_of_a_row(fits: dict[str, Any], refused: dict[str, Any], why: str) -> None:
    assert limits.checked(fits) is fits
    with pytest.raises(TooLarge) as refusal:
        limits.checked(refused)
    assert why in refusal.value.detail
    assert refusal.value.cause == "too_much_to_keep"
    assert refusal.value.todo


@pytest.mark.parametrize("text", ["short", "x" * 40_000, SMILE * 20_000, "é" * 30_001, "\ud800" * 40_000])
def test_a_text_for_people_is_cut_by_what_it_takes_in_the_service(text: str) -> None:
    found = limits.cut(text)
    limits.checked(at("reason", found))
    assert found == text or found.endswith(f"(cut; {len(text):,} characters in all)")


async def test_a_long_value_is_compressed_and_a_short_one_can_be_read_in_the_table(
    store: TableRecordStore, storage: StorageClients
) -> None:
    for record, lines in ((ref("1"), 10), (ref("2"), 20_000)):
        link = done("customer", "guid")
        link.written = {
            "lines": [{"number": number, "text": f"Position {number}"} for number in range(lines)]
        }
        lease = await begin(store, record)
        with_links(lease.record, link)
        await store.checkpoint(lease)
        await store.finish(lease, [], keep_if_hinted=False)
        stored = await store.get(record)
        assert stored is not None
        assert stored.links["customer"].written == link.written
        row = await storage.records.get_entity(rows.partition("default", "company"), f"r|{record.id}")
        assert isinstance(row["body"], str if lines == 10 else bytes)


async def test_a_record_beyond_the_limit_is_refused_and_nothing_is_written(store: TableRecordStore) -> None:
    lease = await begin(store, ref())
    with_links(lease.record, held("customer"))
    await store.finish(lease, [], keep_if_hinted=False)
    lease = await begin(store, ref())
    lease.record.links["customer"].written = {"text": noise(2_000_000)}
    for late in (store.checkpoint(lease), store.finish(lease, [attempt(START)], keep_if_hinted=False)):
        with pytest.raises(TooLarge):
            await late
    with pytest.raises(TooLarge):
        store.require_room(lease.record)
    assert [row async for row in store.attempts(ref())] == []
    lease.record.links["customer"].written = {}
    store.require_room(lease.record)
    assert await store.finish(lease, [attempt(START)], keep_if_hinted=False) is False
    assert len([row async for row in store.attempts(ref())]) == 1


async def test_an_attempt_shows_what_fits_and_says_what_it_leaves_out(store: TableRecordStore) -> None:
    changes: list[dict[str, Any]] = [{"field": f"f{number}", "after": "x" * 1_000} for number in range(600)]
    changes[0] = {"field": "lines", "after": [{"text": "y" * 200}] * 2_000}
    lease = await begin(store, ref())
    text = SMILE * 99_000
    one = attempt(START, changes=tuple(changes), reason=text, todo=text, detail=text)
    await store.finish(lease, [one], keep_if_hinted=False)
    [row] = [row async for row in store.attempts(ref())]
    first, *others, last = row["changes"]
    assert first["field"] == "lines"
    assert first["after"].endswith("characters in all)")
    assert others == changes[1 : len(others) + 1]
    assert last == {"field": "...", "because": f"and {599 - len(others)} changes more"}
    assert len(others) > 50
    assert all("99,000 characters" in row[name] for name in ("reason", "todo", "detail"))


async def test_a_hold_with_a_very_long_reason_is_listed(store: TableRecordStore) -> None:
    lease = await begin(store, ref())
    link = held("customer")
    link.reason = link.todo = SMILE * 33_000
    with_links(lease.record, link)
    await store.finish(lease, [], keep_if_hinted=False)
    [item] = [item async for item in store.open_items("default", "company")]
    assert item.reason == item.todo == limits.cut(link.reason)


def links(state: State, step: int) -> list[Link]:
    """So many links that nothing of theirs fits into one transaction."""
    targets = [(f"entity{number}", f"guid-{number}-{step}", f"N{number}") for number in range(MANY_LINKS)]
    return [Link(name, state, target_id=one, target_number=number) for name, one, number in targets]


async def stands(store: TableRecordStore, state: State, step: int) -> None:
    """Asserts: the work list and all look-ups say what the links say, and nothing else."""
    assert len([item async for item in store.open_items("default", "company")]) == (
        MANY_LINKS if state.is_open else 0
    )
    for number in range(0, MANY_LINKS, 29):
        for key, owner in ((f"guid-{number}-{step}", ref()), (f"guid-{number}-{1 - step}", None)):
            assert await store.by_target("default", "company", f"entity{number}|{key}") == owner


async def test_more_than_one_transaction_holds_goes_into_several(store: TableRecordStore) -> None:
    for step, state in enumerate((State.HELD, State.DONE)):
        lease = await begin(store, ref())
        with_links(lease.record, *links(state, step))
        assert await store.finish(lease, [attempt(START)], keep_if_hinted=False) is False
        await stands(store, state, step)


@pytest.mark.parametrize("after", [1, 2])
async def test_several_transactions_that_are_cut_off_are_finished_by_the_next_pass(
    store: TableRecordStore, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    lease = await begin(store, ref())
    with_links(lease.record, *links(State.HELD, 0))
    await store.finish(lease, [], keep_if_hinted=False)
    transact, left = TableRecordStore._transact, [after]

    async def mortal(store: TableRecordStore, *given: Any) -> None:
        await transact(store, *given)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    for _ in range(2):
        lease = await begin(store, ref())
        with_links(lease.record, *links(State.DONE, 1))
        if left[0] > 0:
            monkeypatch.setattr(records.TableRecordStore, "_transact", mortal)
            with pytest.raises(KeyboardInterrupt):
                await store.finish(lease, [], keep_if_hinted=False)
            monkeypatch.undo()
            store.leave(lease)
            assert isinstance(store.clock, HandClock)
            store.clock.forward(600)
        else:
            await store.finish(lease, [], keep_if_hinted=False)
    await stands(store, State.DONE, 1)


def test_operations_are_grouped_by_number_and_by_size() -> None:
    small = [("upsert", KEY)] * 250
    assert [len(group) for group in limits.groups(small, 0)] == [99, 99, 52]
    large = [("upsert", at("text", "x" * 32_000))] * 60
    found = list(limits.groups(large, 500_000))
    assert sum(map(len, found)) == 60
    assert len(found) > 1
    for group in found:
        assert sum(limits.size(row) for _, row in group) <= limits.TRANSACTION_BYTES - 500_000
    assert list(limits.groups([], 0)) == [[]]


async def test_a_state_value_beyond_the_limit_is_refused(storage: StorageClients) -> None:
    state = TableStateStore(storage.state)
    await state.save("default", "mapping|x", {"text": "row\n" * 500_000})
    assert (await state.load("default", "mapping|x"))["text"] == "row\n" * 500_000
    with pytest.raises(TooLarge):
        await state.save("default", "mapping|x", {"text": noise(2_000_000)})
    assert (await state.load("default", "mapping|x"))["text"] == "row\n" * 500_000


@pytest.mark.parametrize("long", ["1" * 600, SMILE * 60])
async def test_an_id_that_is_too_long_for_a_key_is_refused_by_name(
    store: TableRecordStore, long: str
) -> None:
    with pytest.raises(TooLarge, match="More belongs to this"):
        await store.begin(ref(long), START, same_clock=True, impatient=True)
    with pytest.raises(TooLarge):
        await store.add_waiter(ref(), RecordRef("default", "invoice", long))
    with pytest.raises(TooLarge):
        await store.claims.claim(ref(), "customers", long)


def test_a_message_is_never_larger_than_its_queue_takes() -> None:
    small = Envelope("default", "company", "1", "test", START)
    room = MAX_BYTES - len(small.to_json())
    for size in (room - 40, room - 20):
        assert len(Envelope("default", "company", "1", "t" * size, START).to_json()) <= MAX_BYTES
    with pytest.raises(ValueError, match="does not fit into a queue message"):
        Envelope("default", "company", "1", "t" * MAX_BYTES, START).to_json()


def test_a_full_record_has_room_for_its_lease() -> None:
    """What the lease and the list of rows beside the record add never makes a record that fitted too large."""
    record = Record(ref())
    link = done("customer", "g")
    with_links(record, link)
    for characters in range(1_600_000, 1_720_000, 20_000):
        link.written = {"text": noise(characters)}
        try:
            row = rows.record_row(record)
        except TooLarge:
            return
        assert limits.size(row) + 2 * limits.PROPERTY_BYTES <= limits.ENTITY_BYTES
    raise AssertionError("the largest record was not found")
