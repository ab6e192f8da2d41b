"""One stage for all tests of the functions; each test uses records of its own."""

from collections.abc import AsyncIterator

import pytest

from sandbox.stage import Stage
from tests.triggers.support import Sender, Watch


@pytest.fixture(scope="session")
async def stage() -> AsyncIterator[Stage]:
    async with Stage(webhook_delay=0.05) as running:
        terms = [{"code": "30 DAYS", "displayName": "Net 30 days", "dueDateCalculation": "30D"}]
        await running.in_business_central("records", {"set": "paymentTerms", "records": terms})
        yield running


@pytest.fixture(scope="session")
async def watch(stage: Stage) -> AsyncIterator[Watch]:
    watching = Watch(stage)
    await watching.storage.prepare()
    yield watching
    await watching.storage.close()


@pytest.fixture
def sender(stage: Stage) -> Sender:
    return Sender(stage)
