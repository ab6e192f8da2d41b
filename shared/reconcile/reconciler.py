"""Runs a reconciliation: reads both sides once, finds and proves, plans repairs, has them made, keeps the result."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from shared.domain.calls import counted_calls
from shared.domain.envelope import POISON, Envelope
from shared.domain.errors import SyncError
from shared.domain.records import RecordRef
from shared.engine.connections.connection import Connections
from shared.engine.connections.routing import Router
from shared.engine.entity import VERIFY
from shared.engine.registry import Registry
from shared.ports.metrics import DIFFERENCES
from shared.ports.platform import Clock
from shared.ports.storage import OpenItem, RecordStore, StateStore, WorkQueue
from shared.ports.telemetry import SILENT, Telemetry
from shared.reconcile.arrivals import Arrivals
from shared.reconcile.close import Findings, close_check
from shared.reconcile.documents import DocumentDrifts
from shared.reconcile.journals import JournalDrifts
from shared.reconcile.masters import MasterDrifts
from shared.reconcile.model import Drift, Row
from shared.reconcile.opening import opening_balances
from shared.reconcile.payments import PaymentDrifts
from shared.reconcile.planning import Planning
from shared.reconcile.proof import SALES, Proof, proofs, statement
from shared.reconcile.purchase_orders import OrderDrifts
from shared.reconcile.purchase_proof import purchase_proofs
from shared.reconcile.purchases import PurchaseDrifts
from shared.reconcile.reading import take
from shared.reconcile.receivables import tie_out
from shared.reconcile.repairs import plan
from shared.reconcile.results import Results
from shared.reconcile.runs import RECONCILE, Request, run_id
from shared.reconcile.snapshot import Snapshot

REPAIR: Final = "reconciliation"
"""The reason of the hints that repair drifts."""

log = logging.getLogger("dynaconnect.reconcile")


@dataclass(slots=True)
class Reconciler:
    """Orders and makes reconciliations. One instance per process."""

    connections: Connections
    registry: Registry
    router: Router
    store: RecordStore
    state: StateStore
    queue: WorkQueue
    clock: Clock
    origin: str
    telemetry: Telemetry = SILENT

    @property
    def results(self) -> Results:
        """Where results are kept."""
        return Results(self.state)

    async def order(self, connection: str, request: Request, why: str) -> str:
        """Queues a run and returns its id, under which its head can be read at once."""
        envelope = Envelope(
            connection, RECONCILE, "*", why, self.clock.now(), origin=self.origin, options=request.shown()
        )
        head = {"state": "queued", "why": why, **request.shown()}
        await self.results.save_head(connection, run_id(envelope), head)
        await self.queue.send_sweep(envelope)
        return run_id(envelope)

    async def run(self, envelope: Envelope) -> int:
        """Makes a run and returns how many repairs it queued; what stops it is noted in its head and raised."""
        request, connection, name = Request.of(envelope), envelope.connection, run_id(envelope)
        head: Row = {"why": envelope.why, **request.shown(), "started": self.clock.now().isoformat()}
        await self.results.save_head(connection, name, head | {"state": "running"})
        try:
            with counted_calls() as calls:
                summary, parts, queued = await self._reconcile(connection, request)
        except SyncError as error:
            stopped = {"state": "waiting", "reason": error.operator, "todo": error.todo}
            await self.results.save_head(connection, name, head | stopped)
            raise
        head |= {"state": "done", "finished": self.clock.now().isoformat(), "calls": dict(calls), **summary}
        await self.results.save(connection, name, head, parts)
        differences = max(sum(head["drifts"].values()), head["unequal"])
        self.telemetry.record(DIFFERENCES, differences, connection=connection)
        log.info("%s %s: %s", connection, name, head["drifts"])
        return queued

    async def _reconcile(
        self, connection_name: str, request: Request
    ) -> tuple[Row, dict[str, list[Row]], int]:
        connection = await self.connections.get(connection_name)
        taken = await take(connection, self.registry, self.store, self.router, self.clock.now())
        payments = [PaymentDrifts(taken, one, taken.ledger) for one in taken.settlements if taken.ledger]
        found = await self._find(taken, payments)
        drifts = [drift for drift in found if not await self._moved(taken, drift)]
        proved = [*proofs(taken, request.period), *purchase_proofs(taken, request.period)]
        only_there = {key: amount for one in payments for key, amount in one.only_there().items()}
        findings = Findings(taken, request.period, drifts, tie_out(taken, only_there))
        findings.poison = len([name async for name, _ in self.state.named(connection_name, POISON)])
        queued = await self._repair(taken, drifts, request) if request.repair != "none" else 0
        parts = {
            "statement": statement(proved),
            "proofs": [proof.shown() for proof in proved],
            "drifts": [drift.shown() for drift in drifts],
            "known": [_known(item) for item in taken.open_items],
            "receivables": [one.shown() for one in findings.balances],
            "close": close_check(findings),
        }
        if request.opening:
            parts["opening"] = [one.shown() for one in opening_balances(taken, request.opening)]
        return _summary(taken, proved, drifts, parts, len(found) - len(drifts), queued), parts, queued

    async def _find(self, taken: Snapshot, payments: Iterable[PaymentDrifts]) -> list[Drift]:
        drifts: list[Drift] = []
        for master in taken.masters:
            drifts += MasterDrifts(taken, master, await taken.connection.mappings.get(master.name)).find()
        for document in taken.documents:
            drifts += DocumentDrifts(taken, document, self.store).find()
        for settlement in payments:
            drifts += settlement.find()
        return drifts + list(self._bought(taken))

    def _bought(self, taken: Snapshot) -> Iterator[Drift]:
        """The drifts of the purchase side."""
        for subject in dict.fromkeys(one.subject.name for one in taken.purchase_side):
            yield from Arrivals(taken, subject, self.store).find()
        for purchase in taken.purchases:
            yield from PurchaseDrifts(taken, purchase).find()
        for journal in taken.journals:
            yield from JournalDrifts(taken, journal).find()
        for order in taken.orders:
            own = (one for one in taken.receipts if one.order_entity == order.name)
            yield from OrderDrifts(taken, order, next(own, None)).find()

    async def _moved(self, taken: Snapshot, drift: Drift) -> bool:
        """True when the engine has worked on the record since it was read here: then it is no drift but work."""
        if not drift.id:
            return False
        current = await self.store.get(taken.ref(drift.subject, drift.id))
        return current != taken.records.get(drift.subject, {}).get(drift.id)

    async def _repair(self, taken: Snapshot, drifts: list[Drift], request: Request) -> int:
        planning = Planning(self.registry, taken.connection.name, await self._payments(taken, drifts))
        hints: dict[RecordRef, None] = {}
        for drift in drifts:
            drift.repair = plan(planning, drift)
            hints |= dict.fromkeys(drift.repair.hints)
        if request.repair != "apply":
            return 0
        for ref in hints:
            await self.queue.send(self._hint(ref))
        return len(hints)

    async def _payments(self, taken: Snapshot, drifts: list[Drift]) -> dict[str, list[Row]]:
        """The payments of the invoices that show more than was paid, to name those that are not ours."""
        extra = [one.id for one in drifts if one.facts.get("how") == "extra" and one.facts.get("caught_up")]
        return {
            record_id: [
                row
                async for page in taken.connection.connectwise.scan(f"finance/invoices/{record_id}/payments")
                for row in page
            ]
            for record_id in extra
        }

    def _hint(self, ref: RecordRef) -> Envelope:
        hint = Envelope(ref.connection, ref.subject, ref.id, REPAIR, self.clock.now(), origin=self.origin)
        return replace(hint, options={VERIFY: True})


def _known(item: OpenItem) -> Row:
    row: dict[str, Any] = asdict(item)
    return {**row, "ref": str(item.ref), "id": item.ref.id, "state": item.state.value}


def _summary(
    taken: Snapshot,
    proved: list[Proof],
    drifts: list[Drift],
    parts: dict[str, list[Row]],
    moved: int,
    queued: int,
) -> Row:
    """The figures of the head; totals of what is sold and of what is bought are never added up."""
    sales = [row for row in parts["statement"] if row["kind"] == SALES]
    bought = [row for row in parts["statement"] if row["kind"] != SALES]
    return {
        "documents": len(proved),
        "unequal": sum(not proof.equal for proof in proved),
        "difference": _by_currency(sales, "difference"),
        "total": _by_currency(sales, "connectwise"),
        "purchase_difference": _by_currency(bought, "difference"),
        "purchase_total": _by_currency(bought, "connectwise"),
        "drifts": dict(Counter(drift.kind.value for drift in drifts)),
        "known": len(parts["known"]),
        "moved_meanwhile": moved,
        "by_hand": sum(1 for drift in drifts if drift.repair and drift.repair.by_hand),
        "queued": queued,
        "red": [line["name"] for line in parts["close"] if line["status"] == "red"],
        "scanned": taken.scanned,
        "ledger": taken.ledger is not None,
    }


def _by_currency(rows: list[Row], name: str) -> Row:
    sums: Row = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], 0) + row[name]
    return sums
