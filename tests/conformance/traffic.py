"""What one stretch of work cost: the calls that both stand-ins have counted."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from sandbox.kit import StandIn

READING_POSTS: Final = ("/$batch", "/finance/accounting/export")
"""Calls that are sent as POST but only read, as the product uses them."""


def is_write(route: str) -> bool:
    """True when a call by this route changes something."""
    return not route.startswith("GET ") and not route.endswith(READING_POSTS)


@dataclass(slots=True)
class Traffic:
    """Counts the calls of both stand-ins from the moment it was made."""

    stand_ins: tuple[StandIn, ...]
    _before: list[Counter[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._before = [Counter(stand_in.calls) for stand_in in self.stand_ins]

    @property
    def routes(self) -> Counter[str]:
        """Calls by route; an operation inside a batch is no call of its own."""
        spent: Counter[str] = Counter()
        for stand_in, before in zip(self.stand_ins, self._before, strict=True):
            spent += Counter(stand_in.calls) - before
        return Counter({route: count for route, count in spent.items() if not route.startswith("BATCH ")})

    @property
    def calls(self) -> int:
        """All calls."""
        return self.routes.total()

    @property
    def writes(self) -> int:
        """The calls that change something."""
        return sum(count for route, count in self.routes.items() if is_write(route))
