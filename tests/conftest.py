"""Fixtures that every part of the test suite shares."""

from collections.abc import Iterator

import pytest

from sandbox.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One storage emulator per test process. Use table and queue names of your own: nothing is reset."""
    with Azurite() as emulator:
        yield emulator
