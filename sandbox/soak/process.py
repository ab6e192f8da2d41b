"""What a running process costs, as the kernel of Linux counts it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEBI: Final = 2**20


@dataclass(frozen=True, slots=True)
class Cost:
    """Resident memory in bytes and CPU time in seconds, both of user and system."""

    memory: int
    cpu: float


def cost_of(pid: int) -> Cost:
    """What the process costs up to now; raises ``OSError`` when it is gone."""
    folder = Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text().split()[1])
    # The name in brackets may hold blanks; the fields behind it do not.
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Cost(pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))
