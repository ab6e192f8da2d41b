"""How the tests are spread over processes: whole files, so that what they set up is set up once, the longest first.

What several files set up together for a whole run, a played day or a stage with its host, stays in one process too.
"""

from collections.abc import Sequence
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = ("tests/telemetry/", "tests/triggers/")
"""Folders whose files share a set-up that takes long."""
FIRST: Final = (
    "tests/triggers/",
    "tests/telemetry/",
    "tests/purchasing/",
    "tests/conformance/",
    "tests/connections/",
    "tests/soak/",
    "tests/bench/",
    "tests/corpus/",
    "tests/reconcile/",
    "tests/host/",
    "tests/documents/",
    "tests/docs/",
    "tests/adapters/",
    "tests/infra/",
    "tests/faults/",
    "tests/model/",
)
"""Where to begin. What is short comes last, so that all processes end together."""


def unit(test: str) -> str:
    """What stays in one process with the test of this name."""
    return next((folder for folder in TOGETHER if test.startswith(folder)), test.partition("::")[0])


def place(test: str) -> int:
    """Where the test's folder stands in the order of work."""
    return next((at for at, folder in enumerate(FIRST) if test.startswith(folder)), len(FIRST))


def ordered(tests: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests in the order of work; those of one folder in their own."""
    return sorted(tests, key=lambda test: place(test.nodeid))


class Schedule(LoadScopeScheduling):  # type: ignore[misc]  # exported untyped
    """Gives each process one unit after the other, in order."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
