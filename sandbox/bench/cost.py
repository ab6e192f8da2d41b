"""Storage requests and processor time of an event, and what that costs in Azure for 100,000 of them."""

from collections import Counter
from typing import Final

from sandbox.bench.figures import Figures
from sandbox.bench.shared import Pace

EVENTS: Final = 100_000
MOST_REQUESTS: Final = 6.0
STORAGE_PRICE: Final = 0.004 / 10_000
"""US dollars for one request, the dearer of queue and table."""
GB_SECOND: Final = 0.000026
EXECUTION: Final = 0.40 / 1_000_000
MEMORY_GB: Final = 2.0
SHORTEST_SECONDS: Final = 1.0


def cost(made: Pace, changed: Pace, events: int) -> Figures:
    """The lever, counted by kind, and the formula of docs/cost.md over it."""
    part = Figures("Cost")
    for name, pace in (("new", made), ("changed", changed)):
        requests = sum(pace.storage.values()) / events
        part.at_most(f"{name}: storage requests, hook to done", requests, MOST_REQUESTS, digits=2)
        part.note(f"{name}: by kind", _kinds(pace.storage, events))
        part.note(f"{name}: CPU of the functions and their host", f"{pace.cpu_ms:.1f} ms")
    requests = sum(changed.storage.values()) / events
    part.note(f"storage for {EVENTS:,} changes", f"${EVENTS * requests * STORAGE_PRICE:.2f}")
    alone = EVENTS * (SHORTEST_SECONDS * MEMORY_GB * GB_SECOND + 2 * EXECUTION)
    packed = EVENTS * (changed.cpu_ms / 1000 * MEMORY_GB * GB_SECOND + 2 * EXECUTION)
    part.note("compute, one by one (a second is the least billed)", f"${alone:.2f}")
    part.note("compute, dense (the processor is the limit)", f"${packed:.2f}")
    return part


def _kinds(storage: Counter[str], events: int) -> str:
    return ", ".join(f"{kind} {count / events:.2f}" for kind, count in storage.most_common())
