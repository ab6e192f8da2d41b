"""Fixtures that every part of the test suite shares."""

import gc
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from sandbox.azurite import Azurite
from tests.conformance.pairs import Pairs

# What is imported and collected stays to the end: looking through it for garbage again and again finds none.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on there is garbage."""
    gc.enable()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Groups of our own: the mark of xdist has no effect with this pytest."""
    if config.getoption("dist") != "loadgroup":
        return None
    from tests.schedule import Schedule

    config.option.loadscopereorder = False
    return Schedule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what takes long."""
    from tests.schedule import ordered

    items[:] = ordered(items)


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
