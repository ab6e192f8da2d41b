"""Fixtures that every part of the test suite shares."""

from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.azurite import Azurite
from tests.conformance.pairs import Pairs


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One storage emulator per test process. Use table and queue names of your own: nothing is reset."""
    with Azurite() as emulator:
        yield emulator


@pytest.fixture(scope="session")
async def pairs() -> AsyncIterator[Pairs]:
    """Stand-ins that are built once per test process and lent to one world at a time, each time as if new."""
    async with Pairs() as pairs:
        yield pairs
