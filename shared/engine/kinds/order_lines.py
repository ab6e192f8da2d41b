"""Compares the lines that an order should have with those it has, line by line, as pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from shared.domain.errors import HoldForPerson
from shared.domain.plans import Change
from shared.domain.records import Payload
from shared.engine.kinds.mapping_data import same
from shared.engine.kinds.positions import Position

type JsonObject = dict[str, Any]

COMMENT: Final = "Comment"
IDENTITY: Final = ("lineType", "lineObjectNumber")
"""Fields that a line keeps for its life: another item is another line."""
AMOUNTS: Final = ("quantity", "directUnitCost", "discountAmount")
"""Sent together, in this order: Business Central looks up a price when the quantity changes alone."""
CAPTIONS: Final = {"quantity": "quantity", "directUnitCost": "direct unit cost", "description": "description"}


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line as the mapping gives it; comments belong to no position."""

    payload: Payload
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class LineStep:
    """What to do with one line: ``payload`` is what is sent, ``stored`` the line as it is."""

    do: Literal["add", "change", "remove"]
    words: str
    payload: Payload
    stored: JsonObject
    comment: bool
    changes: tuple[Change, ...] = ()


type Pair = tuple[WantedLine, JsonObject | None]


def wanted_lines(rows: Sequence[Payload], positions: Sequence[Position]) -> tuple[WantedLine, ...]:
    """The mapped lines with their positions; raises HoldForPerson when the mapping does not tell which is which."""
    by_sequence = {position.sequence: position for position in positions}
    lines = tuple(WantedLine(row, by_sequence.pop(int(row.get("sequence") or 0), None)) for row in rows)
    strays = [line for line in lines if line.position is None and line.payload.get("lineType") != COMMENT]
    if by_sequence or strays:
        names = ", ".join(position.text for position in by_sequence.values()) or "a line of its own"
        raise HoldForPerson(
            "mapping_lines",
            f"The mapping does not give exactly one line with its sequence for each position: {names}.",
            todo="Let every line block but comments send sequence from the position's sequence; then retry.",
        )
    if not lines or lines[0].payload.get("lineType") != COMMENT or not lines[0].payload.get("description"):
        raise HoldForPerson(
            "mapping_lines",
            "The first line of the mapping is not the comment by which the order is found again.",
            todo="Put the comment with the order's number first; then retry.",
        )
    return lines


def paired(
    wanted: Sequence[WantedLine], stored: Sequence[JsonObject], comments: Sequence[str], *, adopting: bool
) -> tuple[list[Pair], list[JsonObject]]:
    """Each wanted line with the stored line that is it, and the stored lines that are nobody's.

    A line is known by its id (``comments`` has those of the comments), else by equal content; while an order is
    adopted, by its item or account alone.
    """
    free = {str(line["id"]): line for line in stored}
    found: list[JsonObject | None] = [None] * len(wanted)
    comment_ids = iter(comments)
    for index, one in enumerate(wanted):
        known = one.position.line_id if one.position else next(comment_ids, "")
        if known in free and _fits(one.payload, free[known]):
            found[index] = free.pop(known)
    tests = [_equal, _alike] + ([_fits] if adopting else [])
    for fits in tests:
        for index, one in enumerate(wanted):
            if found[index] is None:
                key = next((key for key, line in free.items() if fits(one.payload, line)), None)
                found[index] = free.pop(key) if key else None
    return list(zip(wanted, found, strict=True)), list(free.values())


def _fits(payload: Payload, line: JsonObject) -> bool:
    return all(same(payload.get(name), line.get(name)) for name in IDENTITY)


def _alike(payload: Payload, line: JsonObject) -> bool:
    names = ("description", "directUnitCost")
    return _fits(payload, line) and all(
        same(payload.get(name), line.get(name)) for name in names if name in payload
    )


def _equal(payload: Payload, line: JsonObject) -> bool:
    return _alike(payload, line) and same(payload.get("quantity", 0), line.get("quantity"))


def steps_between(pairs: Sequence[Pair], left: Sequence[JsonObject], own: set[str]) -> list[LineStep]:
    """What brings the stored lines to the wanted ones: removals first, then changes, then additions.

    Of the lines that are nobody's only those in ``own`` are removed: others were added by people.
    """
    steps = [_removal(line) for line in left if str(line["id"]) in own]
    for wanted, line in pairs:
        if line is not None:
            steps += _changes(wanted, line)
    steps += [_addition(wanted) for wanted, line in pairs if line is None]
    return steps


def _removal(line: JsonObject) -> LineStep:
    return LineStep("remove", f"delete {_named(line)}", {}, line, line["lineType"] == COMMENT)


def _addition(wanted: WantedLine) -> LineStep:
    payload = {name: value for name, value in wanted.payload.items() if name != "sequence"}
    words = (
        f"add a line {payload['lineType']} {payload.get('lineObjectNumber', '')} "
        f'"{payload.get("description", "")}" with quantity {payload.get("quantity")} and direct unit cost '
        f"{payload.get('directUnitCost')}"
    )
    changes = (Change(f"line {wanted.payload.get('sequence', '')}".strip(), None, payload),)
    return LineStep("add", words, payload, {}, wanted.position is None, changes)


def _changes(wanted: WantedLine, line: JsonObject) -> Iterator[LineStep]:
    payload = wanted.payload
    differing = [
        name
        for name, value in payload.items()
        if name not in (*IDENTITY, "sequence") and not same(line.get(name), value)
    ]
    if not differing:
        return
    names = set(differing)
    sent = {
        name: value
        for name, value in payload.items()
        if name in names or (names & set(AMOUNTS) and name in AMOUNTS)
    }
    changes = tuple(
        Change(f"line {line['sequence']} {name}", line.get(name), payload[name]) for name in differing
    )
    told = ", ".join(
        f"{CAPTIONS.get(name, name)} {plain(line.get(name))} to {plain(payload[name])}" for name in differing
    )
    yield LineStep("change", f"{_named(line)}: {told}", sent, line, wanted.position is None, changes)


def _named(line: JsonObject) -> str:
    return f'line {line["sequence"]} ({line.get("lineObjectNumber", "")} "{line.get("description", "")}")'


def plain(value: Any) -> str:
    """A value as people read it; numbers without trailing zeros."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def received_of(line: Mapping[str, Any]) -> Decimal:
    """What Business Central has received of a line."""
    return Decimal(line.get("receivedQuantity") or 0)
