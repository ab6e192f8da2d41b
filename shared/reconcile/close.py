"""The close check of a period: one line per question, green or red, with the records behind it.

A line is a :class:`CloseCheck` in :data:`CHECKS`. One that needs an entity which does not exist says "not in use".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from shared.domain.records import State
from shared.engine.connections.cutover import first_day
from shared.engine.kinds.documents import DRAFT
from shared.reconcile.model import Drift, DriftClass, Period, Row
from shared.reconcile.purchases import booked
from shared.reconcile.receivables import Balance
from shared.reconcile.snapshot import Snapshot

MOST_RECORDS: Final = 200
LATELY: Final = timedelta(days=1)
"""The sweep looks at everything that ConnectWise lists every few minutes; what it has not seen for so long is unknown."""
NO_LEDGER: Final = (
    "The customer ledger cannot be read: install the Power BI connector app of Business Central."
)
GREEN, RED, NOT_IN_USE = "green", "red", "not in use"


@dataclass(slots=True)
class Findings:
    """Everything that the checks may look at."""

    taken: Snapshot
    period: Period
    drifts: list[Drift] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)
    poison: int = 0

    def of(self, *kinds: DriftClass, documents: bool) -> list[str]:
        """The drifts of these kinds up to the period's end, as texts."""
        names = {one.name for one in (*self.taken.documents, *self.taken.purchase_side)}
        return [
            f"{drift.entity} {drift.number or drift.target_number or drift.id}: {drift.what}"
            for drift in self.drifts
            if drift.kind in kinds and (drift.entity in names) is documents and self.period.ended(drift.date)
        ]


@dataclass(frozen=True, slots=True)
class CloseCheck:
    """One line. ``find`` names the records that speak against closing; ``needs`` are entities of which one must exist."""

    name: str
    title: str
    find: Callable[[Findings, "CloseCheck"], Iterable[str]]
    needs: tuple[str, ...] = ()

    def line(self, findings: Findings) -> Row:
        """The line of the report."""
        known = {entity.name for entity in findings.taken.registry.entities()}
        in_use = not self.needs or not known.isdisjoint(self.needs)
        records = list(self.find(findings, self)) if in_use else []
        status = NOT_IN_USE if not in_use else RED if records else GREEN
        return {
            "name": self.name,
            "title": self.title,
            "status": status,
            "count": len(records),
            "records": records[:MOST_RECORDS],
        }


def _invoices_posted(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    kinds = (DriftClass.MISSING, DriftClass.STALE_LINK, DriftClass.DELETED_IN_CONNECTWISE, DriftClass.EXTRA)
    return findings.of(*kinds, DriftClass.DUPLICATE, documents=True)


def _totals_agree(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    changed = (DriftClass.CHANGED_IN_BUSINESS_CENTRAL, DriftClass.CHANGED_IN_CONNECTWISE)
    return findings.of(DriftClass.TOTAL_DIFFERS, *changed, documents=True)


def _payments_agree(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    if findings.taken.ledger is None:
        return [NO_LEDGER]
    return findings.of(DriftClass.PAYMENT_DIFFERS, documents=False)


def _confirmed(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    return findings.of(DriftClass.UNCONFIRMED, DriftClass.UNBATCHED, documents=True)


def _master_data(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    return findings.of(*(set(DriftClass) - {DriftClass.PAYMENT_DIFFERS}), documents=False)


def _tied_out(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    if findings.taken.ledger is None:
        yield NO_LEDGER
    for one in findings.balances:
        if one.difference or one.documents:
            yield f"{one.customer} {one.currency}: {one.difference} ({'; '.join(one.documents)})"


def _unposted(findings: Findings, check: CloseCheck) -> Iterable[str]:
    """ConnectWise's list of what is to be exported, for the subjects of the entities that the check needs."""
    taken = findings.taken
    closed = {one.subject.name for one in taken.documents}
    entities = [one for one in taken.registry.entities() if one.name in check.needs]
    for subject in dict.fromkeys(one.subject.name for one in entities):
        rows, others = taken.sources.get(subject, {}), taken.elsewhere.get(subject, frozenset())
        start = first_day([taken.connection], taken.registry.of_subject(subject))
        for record_id, listed in taken.backlogs.get(subject, {}).items():
            row = rows.get(record_id, {})
            day = str(row.get("date") or listed)[:10]
            before = start is not None and day and day < start.isoformat()
            ours = record_id not in others and (subject in closed or _is_ours(taken, subject, record_id))
            if ours and not before and findings.period.ended(day):
                yield f"{subject} {row.get('invoiceNumber') or record_id} is not yet exported"


def _is_ours(taken: Snapshot, subject: str, record_id: str) -> bool:
    """Whether what ConnectWise lists is to travel here, by the last look at it: an unapproved expense is not.

    What was not looked at for a day counts, unless it may belong to another connection.
    """
    record = taken.records.get(subject, {}).get(record_id)
    if record is None or record.read_at is None or record.read_at < taken.started - LATELY:
        return subject not in taken.routed
    return any(link.state is not State.OUT_OF_SCOPE for link in record.links.values())


def _unposted_or_open(findings: Findings, check: CloseCheck) -> Iterable[str]:
    yield from _unposted(findings, check)
    for item in findings.taken.open_items:
        if item.entity in check.needs:
            yield f"{item.entity} {item.ref.id}: {item.reason}"


def _work_list(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    for item in findings.taken.open_items:
        row = findings.taken.sources.get(item.ref.subject, {}).get(item.ref.id, {})
        if findings.period.ended(str(row.get("date", ""))):
            yield f"{item.entity} {item.ref.id} is {item.state.value}: {item.reason}"
    if findings.poison:
        yield f"{findings.poison} messages were given up"


def _drafts(findings: Findings, _check: CloseCheck) -> Iterable[str]:
    taken = findings.taken
    for entity in taken.documents:
        for _, _, link in taken.done(entity.subject.name, entity.name):
            target = taken.targets[entity.target].get(str(link.target_id), {})
            if target.get("status") == DRAFT and findings.period.ended(str(target.get("postingDate", ""))):
                yield f"{entity.name} {target.get(entity.number_field)} is still the draft {target.get('number')}"
    for purchase in taken.purchases:
        for one in booked(taken, purchase):
            target = one.target
            if (
                one.link.state is State.DONE
                and target.get("status") == DRAFT
                and findings.period.ended(str(target.get("postingDate", "")))
            ):
                yield f"{one.entity} {target.get(one.number_field)} is still the draft {target.get('number')}"


CHECKS: Final = (
    CloseCheck(
        "documents_posted", "Every closed document is posted once, and nothing else is", _invoices_posted
    ),
    CloseCheck("totals_agree", "Every posted document says the same in both systems", _totals_agree),
    CloseCheck("drafts_posted", "No draft waits to be posted", _drafts),
    CloseCheck("payments_agree", "Every payment is applied in both systems", _payments_agree),
    CloseCheck("receivables_tie_out", "Open balances tie out for each customer", _tied_out),
    CloseCheck(
        "unposted_empty", "ConnectWise's list of unposted invoices is empty", _unposted, ("sales_invoice",)
    ),
    CloseCheck("confirmed", "Every posting is confirmed and batched in ConnectWise", _confirmed),
    CloseCheck("work_list_empty", "Nothing waits, is retried or is held", _work_list),
    CloseCheck("master_data", "Customers, vendors and items are in step", _master_data),
    CloseCheck(
        "receipts_invoiced",
        "Every received purchase order is invoiced",
        _unposted_or_open,
        ("purchase_order", "purchase_receipt", "vendor_bill"),
    ),
    CloseCheck(
        "expenses_posted",
        "Every approved expense is posted",
        _unposted_or_open,
        ("expense_report", "company_expense", "employee_expense"),
    ),
)


def close_check(findings: Findings) -> list[Row]:
    """All lines, in order."""
    return [check.line(findings) for check in CHECKS]
