"""``python -m sandbox.costs``: the tables of docs/cost.md; ``--write`` puts them there, ``--count`` counts anew."""

import argparse
import asyncio
import re
import sys
from typing import Final

from sandbox.costs.counting import count
from sandbox.costs.inputs import Inputs
from sandbox.costs.page import tables
from sandbox.stage import ROOT

PAGE: Final = ROOT / "docs" / "cost.md"


def renewed(text: str) -> str:
    """The page with the tables as they are now; the first table under each heading is replaced."""
    for heading, rows in tables(Inputs.read()).items():
        found = re.search(rf"({re.escape(heading)}\n(?:[^|\n].*\n|\n)*)((?:\|.*\n)+)", text)
        if found is None:
            raise ValueError(f"the page has no table under {heading}")
        text = text[: found.start(2)] + "\n".join(rows) + "\n" + text[found.end(2) :]
    return text


def main() -> int:
    """Prints, writes or counts."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.costs", description=__doc__)
    parser.add_argument("--count", type=int, nargs="?", const=50, metavar="EVENTS")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.count:
        for name, one in asyncio.run(count(options.count)).items():
            print(
                f"{name}: executions {one.executions:.1f}, storage {one.requests:.1f}, telemetry {one.bytes:,.0f} bytes"
            )
        return 0
    text = renewed(PAGE.read_text("utf-8"))
    if options.write:
        PAGE.write_text(text, "utf-8")
    else:
        for heading, rows in tables(Inputs.read()).items():
            print("\n".join([heading, "", *rows, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
