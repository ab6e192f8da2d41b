"""What a mapped document's lines add up to, and every rounding on the way there, for the proof of its total."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from shared.domain.money import cents
from shared.domain.records import Payload
from shared.mapping import Mapped

MOST_STEPS: Final = 50
ROUNDED: Final = ("rounded", "one piece")
"""Words in a step of the mapping that say that a number was not taken over as it was."""

PRICES: Final = ("unitPrice", "unitCost", "directUnitCost")

type RoundingStep = tuple[str, str, Decimal | None, Decimal | None]


def line_facts(mapped: Mapped, tax: Payload) -> Payload:
    """``lines`` and ``lines_total`` of the payload, and ``rounding``: where, what, before and after, at most 50.

    A ``tax`` that Business Central adds to the lines (mode ``business_central``) counts as part of their total.
    """
    lines = list(_lines(mapped.create))
    steps = [*_mapping_steps(mapped), *_amount_steps(lines)]
    facts: Payload = {
        "lines": len(lines),
        "lines_total": sum((_amount(line) for _, line in lines), _added(tax)),
        "rounding": [list(step) for step in steps[:MOST_STEPS]],
    }
    if len(steps) > MOST_STEPS:
        facts["rounding"].append(["lines", f"{len(steps) - MOST_STEPS} more of the same kinds", None, None])
    return facts


def _lines(payload: Payload) -> Iterator[tuple[str, Payload]]:
    """The lines that carry an amount, with their place."""
    for name, value in payload.items():
        if isinstance(value, list):
            for number, line in enumerate(value):
                if "quantity" in line and _price(line) is not None:
                    yield f"{name}[{number}]", line


def _added(tax: Payload) -> Decimal:
    return cents(tax["amount"]) if tax.get("mode") == "business_central" else Decimal("0.00")


def _price(line: Payload) -> Decimal | None:
    return next((Decimal(line[name]) for name in PRICES if line.get(name) is not None), None)


def _exact(line: Payload) -> Decimal:
    return Decimal(line["quantity"]) * (_price(line) or Decimal(0))


def _amount(line: Payload) -> Decimal:
    return cents(_exact(line)) - cents(line.get("discountAmount", 0))


def _mapping_steps(mapped: Mapped) -> Iterator[RoundingStep]:
    for trace in mapped.traces:
        for step in trace.steps:
            if any(word in step.what for word in ROUNDED):
                yield trace.target, step.what, _number(trace.value), _number(step.result)


def _amount_steps(lines: list[tuple[str, Payload]]) -> Iterator[RoundingStep]:
    for place, line in lines:
        if _exact(line) != cents(_exact(line)):
            yield place, "quantity times unit price, rounded to the cent", _exact(line), cents(_exact(line))


def _number(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else None
