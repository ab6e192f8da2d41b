"""What a run of the corpus showed, as tables."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from sandbox.corpus.documents import CREDIT_MEMO, MODES
from sandbox.corpus.edits import Round
from sandbox.corpus.office import Result
from sandbox.demo.tables import table

MOST_SHOWN: Final = 20
ZERO: Final = Decimal("0.00")


def money(results: Sequence[Result]) -> str:
    """One row for each tax mode, kind of document and currency."""
    head = (
        "tax mode",
        "document",
        "currency",
        "count",
        "held",
        "ConnectWise",
        "Business Central",
        "difference",
    )
    rows = []
    for mode in MODES:
        for kind in ("invoices", "credit memos"):
            some = [one for one in results if one.document.mode == mode and _kind(one) == kind]
            for currency in sorted({one.document.currency for one in some}):
                cells = _sums([one for one in some if one.document.currency == currency])
                rows.append((mode, kind, currency, *cells))
    count, held, *_, difference = _sums(results)
    return table(head, [*rows, ("all", "", "", count, held, "", "", difference)])


def cases(results: Sequence[Result]) -> str:
    """One row for each case and defect: how many, how many held, the largest difference of what was posted."""
    head = ("case", "count", "posted", "held", "largest difference", "as expected")
    rows = []
    for name in dict.fromkeys(one.document.case for one in results):
        some = [one for one in results if one.document.case == name]
        held = sum(1 for one in some if one.cause)
        largest = max((abs(one.difference) for one in some), default=ZERO)
        right = sum(1 for one in some if not one.problem)
        cells = (len(some), len(some) - held, held)
        rows.append((name, *map(str, cells), f"{largest:,.2f}", f"{right} of {len(some)}"))
    return table(head, sorted(rows))


def holds(results: Sequence[Result]) -> str:
    """One row for each cause: how many documents had to be held for it, and how many were."""
    wanted = Counter(one.expected for one in results if one.expected)
    found = Counter(one.cause for one in results if one.cause)
    rows = [(cause, str(wanted[cause]), str(found[cause])) for cause in sorted({*wanted, *found})]
    return table(("held for", "expected", "found"), rows)


def problems(results: Iterable[Result]) -> list[str]:
    """What went wrong, one line for each document; empty when everything ended as it must."""
    return [
        f"{one.number} ({one.document.mode}, {one.document.type}, {one.document.case}): {one.problem}"
        for one in results
        if one.problem
    ]


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


def _kind(result: Result) -> str:
    return "credit memos" if result.document.type == CREDIT_MEMO else "invoices"


def _sums(results: Sequence[Result]) -> tuple[str, ...]:
    posted = [one for one in results if not one.cause]
    connectwise = sum((one.connectwise for one in posted), ZERO)
    central = sum((one.business_central for one in posted), ZERO)
    amounts = (connectwise, central, connectwise - central)
    counts = (len(results), len(results) - len(posted))
    return (*map(str, counts), *(f"{amount:,.2f}" for amount in amounts))
