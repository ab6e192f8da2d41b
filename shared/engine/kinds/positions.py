"""Positions of an order: what is ordered once, however many lines the source has for it by now.

ConnectWise splits a line at each partial receipt, so its line ids do not last for what was ordered (ConnectWise
API, receivedStatus of a line). A position gathers the lines that belong together; its key is made of what survives
a split.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from shared.domain.money import cents

type JsonObject = dict[str, Any]

FIRST_SEQUENCE: Final = 20_000
"""The line number of the first position; the comment with the source's order number stands before it."""
SEQUENCE_STEP: Final = 10_000
NONE: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """One line of the target's order.

    ``quantity`` is what is ordered in all, ``received`` what of it has come, ``cost`` the unit cost in the order's
    currency, ``text`` what people read, ``lines`` the ids of the source's lines, ``received_on`` the last day on
    which something came. ``sequence`` is the line's number, by which a mapped line is known; ``line_id`` is the
    target's line, empty while there is none.
    """

    key: str
    text: str
    quantity: Decimal
    received: Decimal
    cost: Decimal
    lines: tuple[int, ...]
    received_on: str = ""
    sequence: int = 0
    line_id: str = ""

    @property
    def amount(self) -> Decimal:
        """Quantity times unit cost, rounded to the cent."""
        return cents(self.quantity * self.cost)


def placed(found: Iterable[Position], known: Mapping[str, JsonObject]) -> tuple[Position, ...]:
    """The positions with the line number and target line that they had before, new ones numbered after those.

    A position whose key changed (another cost, another text) takes the place of one that is gone if both have a
    source line in common. ``known`` is what :func:`kept` gave.
    """
    positions = list(found)
    keys = {position.key for position in positions}
    left = {key: place for key, place in known.items() if key not in keys}
    last = max((int(place["sequence"]) for place in known.values()), default=FIRST_SEQUENCE - SEQUENCE_STEP)
    result = []
    for position in positions:
        place = known.get(position.key) or _predecessor(position, left)
        if place is None:
            last += SEQUENCE_STEP
            place = {"sequence": last, "id": ""}
        result.append(replace(position, sequence=int(place["sequence"]), line_id=str(place["id"])))
    return tuple(result)


def _predecessor(position: Position, left: dict[str, JsonObject]) -> JsonObject | None:
    for key, place in left.items():
        if set(position.lines) & set(place["lines"]):
            return left.pop(key)
    return None


def kept(positions: Iterable[Position]) -> dict[str, JsonObject]:
    """What is stored of the positions: line number, target line and source lines by key."""
    return {
        one.key: {"sequence": one.sequence, "id": one.line_id, "lines": list(one.lines), "text": one.text}
        for one in positions
    }
