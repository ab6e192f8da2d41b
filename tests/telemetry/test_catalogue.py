"""The page about telemetry has every figure as it is declared."""

from pathlib import Path

from shared.ports import metrics
from shared.ports.telemetry import Metric

PAGE = Path(__file__).resolve().parents[2] / "docs" / "telemetry.md"


def test_the_page_lists_every_figure() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `dynaconnect.")]
    declared = [one for one in vars(metrics).values() if isinstance(one, Metric)]
    assert rows == [
        f"| `{one.name}` | {one.kind} | {one.unit.strip('{}')} | "
        f"{', '.join(f'`{name}`' for name in one.attributes)} | {one.text} |"
        for one in declared
    ]
