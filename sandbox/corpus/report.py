"""What a run of the corpus showed, as tables."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from sandbox.corpus.edits import Round
from sandbox.demo.tables import table

MOST_SHOWN: Final = 20
ZERO: Final = Decimal("0.00")


class Ended(Protocol):
    """A document of any kind and how it ended."""

    @property
    def mode(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def expected(self) -> str: ...
    @property
    def cause(self) -> str: ...
    @property
    def connectwise(self) -> Decimal: ...
    @property
    def business_central(self) -> Decimal: ...
    @property
    def difference(self) -> Decimal: ...
    @property
    def problem(self) -> str: ...


def money(results: Sequence[Ended]) -> str:
    """One row for each kind of document, the mode in which it is booked, and currency."""
    head = (
        "document",
        "mode",
        "currency",
        "count",
        "held",
        "ConnectWise",
        "Business Central",
        "difference",
    )
    groups: defaultdict[tuple[str, str, str], list[Ended]] = defaultdict(list)
    for one in results:
        groups[one.kind, one.mode, one.currency].append(one)
    order = list(dict.fromkeys(one.kind for one in results))
    names = sorted(groups, key=lambda name: (order.index(name[0]), *name[1:]))
    count, held, *_, difference = _sums(results)
    rows = [(*name, *_sums(groups[name])) for name in names]
    return table(head, [*rows, ("all", "", "", count, held, "", "", difference)])


def cases(results: Sequence[Ended]) -> str:
    """One row for each case and defect: how many, how many held, the largest difference of what was posted."""
    head = ("document", "case", "count", "posted", "held", "largest difference", "as expected")
    rows = []
    for name in dict.fromkeys((_family(one.kind), one.case) for one in results):
        some = [one for one in results if (_family(one.kind), one.case) == name]
        held = sum(1 for one in some if one.cause)
        largest = max((abs(one.difference) for one in some), default=ZERO)
        right = sum(1 for one in some if not one.problem)
        cells = (len(some), len(some) - held, held)
        rows.append((*name, *map(str, cells), f"{largest:,.2f}", f"{right} of {len(some)}"))
    return table(head, sorted(rows))


def holds(results: Sequence[Ended]) -> str:
    """One row for each cause: how many documents had to be held for it, and how many were."""
    wanted = Counter(one.expected for one in results if one.expected)
    found = Counter(one.cause for one in results if one.cause)
    rows = [(cause, str(wanted[cause]), str(found[cause])) for cause in sorted({*wanted, *found})]
    return table(("held for", "expected", "found"), rows)


def problems(results: Iterable[Ended]) -> list[str]:
    """What went wrong, one line for each document; empty when everything ended as it must."""
    return [f"{one.number} ({one.label}): {one.problem}" for one in results if one.problem]


def rounds(found: Mapping[str, Round]) -> str:
    """One row for each round of edits: what it cost, and the bounds."""
    head = ("round", "edits", "callbacks lost", "repeated", "sweeps", "messages")
    costs = ("writes", "at most", "calls", "at most")
    rows = []
    for name, one in found.items():
        counts = (one.edits, one.lost, one.replayed, one.sweeps, one.messages)
        spent = (one.writes, one.most_writes, one.calls, one.most_calls)
        rows.append((name, *map(str, (*counts, *spent))))
    return table((*head, *costs), rows)


def kinds(one: Round) -> str:
    """One row for each kind of edit."""
    rows = [(kind, str(count)) for kind, count in sorted(one.kinds.items())]
    return table(("edit", "count"), rows)


def _family(kind: str) -> str:
    """Invoices, expenses or purchasing: kinds that share their cases."""
    if kind.startswith("expenses"):
        return "expenses"
    return "sales" if kind in ("invoices", "credit memos") else "purchasing"


def _sums(results: Sequence[Ended]) -> tuple[str, ...]:
    counted = [one for one in results if not one.cause or one.business_central]
    connectwise = sum((one.connectwise for one in counted), ZERO)
    central = sum((one.business_central for one in counted), ZERO)
    amounts = (connectwise, central, connectwise - central)
    counts = (len(results), sum(1 for one in results if one.cause))
    return (*map(str, counts), *(f"{amount:,.2f}" for amount in amounts))
