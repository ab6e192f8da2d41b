"""What was measured, beside what was wanted: one table for all parts of the bench."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from sandbox.demo.tables import table

WIDTHS: Final = ("figure", "target", "reached", "met")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. ``met`` is None where nothing is asked and the value only explains another."""

    name: str
    reached: str
    target: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Figures:
    """The rows of one part, under its title."""

    title: str
    rows: list[Figure] = field(default_factory=list)

    def at_most(self, name: str, value: float, bound: float, unit: str = "", digits: int = 1) -> None:
        """A value that must not be above its bound."""
        self._compared(name, value, bound, unit, digits, sign="<=", met=value <= bound)

    def at_least(self, name: str, value: float, bound: float, unit: str = "", digits: int = 1) -> None:
        """A value that must not be below its bound."""
        self._compared(name, value, bound, unit, digits, sign=">=", met=value >= bound)

    def _compared(
        self, name: str, value: float, bound: float, unit: str, digits: int, *, sign: str, met: bool
    ) -> None:
        space = f" {unit}" if unit else ""
        self.rows.append(Figure(name, f"{value:,.{digits}f}{space}", f"{sign} {bound:,g}{space}", met))

    def note(self, name: str, text: str) -> None:
        """A value that nothing is asked of."""
        self.rows.append(Figure(name, text))


def shown(parts: Sequence[Figures]) -> str:
    """Everything that has a target as one table, and below it what explains the figures."""
    rows = []
    for part in parts:
        asked = [row for row in part.rows if row.met is not None]
        rows += [(part.title.upper(), "", "", "")] if asked else []
        rows += [(f"  {row.name}", row.target, row.reached, "yes" if row.met else "NO") for row in asked]
    notes = [
        line
        for part in parts
        for line in (
            "",
            part.title,
            *(f"  {row.name}: {row.reached}" for row in part.rows if row.met is None),
        )
    ]
    return "\n".join([table(WIDTHS, rows), *notes])


def kept(parts: Sequence[Figures], suffix: str) -> str:
    """The table as a document: JSON for ``.json``, else a page in Markdown."""
    if suffix == ".json":
        rows = [{"part": part.title, **asdict(row)} for part in parts for row in part.rows]
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    lines: list[str] = []
    for part in parts:
        asked = [row for row in part.rows if row.met is not None]
        lines += [f"### {part.title}", ""]
        if asked:
            lines += ["| Figure | Target | Reached | Met |", "| --- | --- | --- | --- |"]
            lines += [
                f"| {row.name} | {row.target} | {row.reached} | {'yes' if row.met else 'no'} |"
                for row in asked
            ]
            lines.append("")
        notes = [f"* {row.name}: {row.reached}" for row in part.rows if row.met is None]
        lines += [*notes, ""] if notes else []
    return "\n".join(lines)


def share(values: Sequence[float], part: float) -> float:
    """The value below which ``part`` of all lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
