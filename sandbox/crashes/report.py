"""What the drills showed, as tables."""

from collections import Counter
from collections.abc import Sequence

from sandbox.crashes.drill import Result
from sandbox.demo.tables import table

_KINDS = {
    "await": "at an await",
    "before": "right before a write",
    "after": "right after a write",
    "handled": "handled, message not yet deleted",
}


def figures(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """One row for each entity and one for all."""
    rows = []
    for name in [*dict.fromkeys(result.entity for result in results), "all"]:
        some = [result for result in results if name in (result.entity, "all")]
        cells = [
            sum(getattr(result, cell) for result in some)
            for cell in ("turns", "points", "died", "missed", "lost", "duplicate", "other")
        ]
        rows.append((name, *(f"{cell:,}" for cell in cells)))
    return rows


def table_of(results: Sequence[Result]) -> str:
    """Points and wrong ends by entity."""
    head = ("entity", "turns", "points", "crashes", "not met again", "lost", "duplicate", "different end")
    return table(head, figures(results))


def kinds(results: Sequence[Result]) -> str:
    """Points by kind."""
    count: Counter[str] = Counter()
    for result in results:
        count.update(result.kinds)
    return table(("where", "points"), [(text, f"{count[kind]:,}") for kind, text in _KINDS.items()])
