"""What is still to be received: the source's cumulative quantities against the target's, as a pure comparison.

Only the difference is ever posted, never the amount of an event, so a duplicate or a late hint posts nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared.domain.errors import HoldForPerson
from shared.engine.kinds.order_lines import plain, received_of
from shared.engine.kinds.positions import Position

type JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot go on by itself, and what a person does; ``key`` is the position, if it is one's."""

    reason: str
    todo: str
    cause: str
    key: str = ""


@dataclass(slots=True)
class Due:
    """What is to be received now, by the target's line id, and what stands in the way of the rest."""

    quantities: dict[str, Decimal] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    day: str = ""


def compare(
    positions: Sequence[Position],
    order: JsonObject,
    lines: Sequence[JsonObject],
    unmarked: Mapping[str, Decimal],
    known: Collection[str],
) -> Due:
    """The differences of all positions.

    ``unmarked`` is how much of each position's receipts is in no accounting batch: more than that is never posted.
    ``known`` are the target's lines on which the source once had receipts.
    """
    by_id = {str(line["id"]): line for line in lines}
    due, number = Due(), str(order["number"])
    for position in positions:
        line = by_id.get(position.line_id)
        missing = position.received - (received_of(line) if line else Decimal(0))
        if not missing:
            continue
        problem = _problem(position, line, missing, number, unmarked.get(position.key, Decimal(0)))
        if problem is not None:
            due.problems.append(problem)
            continue
        due.quantities[position.line_id] = missing
        due.day = max(due.day, position.received_on)
    left = set(known) - {position.line_id for position in positions}
    due.problems += [_less(by_id[key], number) for key in sorted(left) if received_of(by_id.get(key, {}))]
    return due


def _less(line: JsonObject, number: str) -> Problem:
    gone = Position("", str(line["description"]), Decimal(0), Decimal(0), Decimal(0), ())
    return _received_less(gone, line, number)


def _problem(
    position: Position,
    line: Mapping[str, Any] | None,
    missing: Decimal,
    number: str,
    unmarked: Decimal,
) -> Problem | None:
    name, key = f'"{position.text}"', position.key
    if line is None:
        return Problem(
            f"{plain(position.received)} of {name} are received in ConnectWise, but {number} has no line for it.",
            f"Make the line in {number} by hand as the order's own entry in this list says; then retry.",
            cause="line_missing",
            key=key,
        )
    where = f"line {line['sequence']} of {number}"
    if missing < 0:
        return _received_less(position, line, number)
    open_quantity = Decimal(line["quantity"]) - received_of(line)
    if missing > open_quantity:
        ordered = received_of(line) + missing
        return Problem(
            f"{plain(missing)} more of {name} are received in ConnectWise, but {where} expects only {plain(open_quantity)}.",
            f"Reopen {number} in Business Central, set the quantity of line {line['sequence']} to {plain(ordered)}, "
            "release it; then retry.",
            cause="over_receipt",
            key=key,
        )
    if missing > unmarked:
        by_hand = plain(missing - unmarked)
        return Problem(
            f"{plain(position.received)} of {name} are received in ConnectWise and {by_hand} of them are in an accounting "
            f"batch already, but {where} has received only {plain(received_of(line))}: another export booked them, or "
            "their receipt was undone in Business Central.",
            f"If they have come, receive {by_hand} on {where} by hand; if another export marked them by mistake, delete "
            "that batch in ConnectWise; then retry.",
            cause="marked_before",
            key=key,
        )
    return None


def hold_of(problems: Sequence[Problem]) -> HoldForPerson:
    """One hold that tells all problems; the first one names the cause."""
    return HoldForPerson(
        problems[0].cause,
        " ".join(dict.fromkeys(problem.reason for problem in problems)),
        todo=" ".join(dict.fromkeys(problem.todo for problem in problems)),
    )


def _received_less(position: Position, line: Mapping[str, Any], number: str) -> Problem:
    more = received_of(line) - position.received
    return Problem(
        f'ConnectWise has received {plain(position.received)} of "{position.text}", Business Central '
        f"{plain(received_of(line))} on line {line['sequence']} of {number}.",
        f"Undo the receipt of {plain(more)} in Business Central (Posted Purchase Receipts, Undo Receipt), or receive "
        "them in ConnectWise; then retry.",
        cause="received_less",
        key=position.key,
    )
