"""Prints what the day showed."""

from collections.abc import Iterable, Sequence

from sandbox.demo.attempts import EntityFigures
from sandbox.demo.money import MoneyRow


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A plain table: the first column to the left, all others to the right."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        return "  ".join(
            [first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )

    return "\n".join(
        [line(every[0]), "  ".join("-" * width for width in widths), *(line(row) for row in every[1:])]
    )


def entity_table(figures: dict[str, EntityFigures], held: dict[str, int]) -> str:
    """One row an entity: results, time from change to done (a dash where no change is timed), calls."""
    head = ("entity", "created", "updated", "unchanged", "held", "p50 s", "p95 s", "calls/record")
    rows = [
        (
            name,
            *(str(figure.results[result]) for result in ("created", "updated", "unchanged")),
            str(held.get(name, 0)),
            *(f"{figure.quantile(share):.1f}" if figure.seconds else "-" for share in (0.5, 0.95)),
            f"{figure.calls_per_record:.1f}",
        )
        for name, figure in sorted(figures.items())
    ]
    return table(head, rows)


def money_table(rows: Iterable[MoneyRow]) -> str:
    """One row a kind of document and currency."""
    head = ("document", "currency", "count", "ConnectWise", "Business Central", "difference")
    cells = [
        (
            row.kind,
            row.currency,
            str(row.count),
            f"{row.connectwise:,.2f}",
            f"{row.business_central:,.2f}",
            f"{row.difference:,.2f}",
        )
        for row in rows
    ]
    return table(head, cells)
