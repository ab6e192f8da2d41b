"""Expense reports: one per member and month, submitted, approved by one or two tiers, rejected or reversed."""

from calendar import monthrange
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from aiohttp import web

from sandbox.connectwise.crud import Collection, read_json
from sandbox.connectwise.errors import ApiError, invalid_field
from sandbox.connectwise.expense_ledger import ExpenseSource
from sandbox.connectwise.invoice_lines import ZERO
from sandbox.connectwise.service import BASE, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.connectwise.validate import clean, require_object
from sandbox.kit import Handler, Json, json_response

ENTITY: Final = "ExpenseReport"
EDITABLE: Final = frozenset({"Open", "Rejected", "RejectBySecondTier", "ErrorsCorrected"})
# From which status a kind of approval leads to which.
_APPROVALS: Final = {
    ("PendingApproval", "Tier1Update"): "ApprovedByTierOne",
    ("ApprovedByTierOne", "Tier2Update"): "ApprovedByTierTwo",
    ("ApprovedByTierOne", "Billing"): "ReadyToBill",
    ("ApprovedByTierTwo", "Billing"): "ReadyToBill",
}
_NEXT_APPROVAL: Final = {"PendingApproval": "Tier1Update", "ApprovedByTierOne": "Tier2Update"}
_REJECTIONS: Final = {"PendingApproval": "Rejected", "ApprovedByTierOne": "RejectBySecondTier"}
_REVERSALS: Final = {
    "PendingApproval": "Open",
    "ApprovedByTierOne": "PendingApproval",
    "ApprovedByTierTwo": "ApprovedByTierOne",
    "ReadyToBill": "ApprovedByTierOne",
}


class ExpenseReports:
    """The reports. A record holds, unseen by callers, its ``entryIds`` and the ``name`` of its references."""

    def __init__(self, service: Service, source: ExpenseSource) -> None:
        self.service = service
        self.store = service.store
        self.source = source
        self.collection = Collection(service, "expense/reports", ENTITY, "GET", delete=self.delete)
        self.store.computed[ENTITY] = self._computed

    def serve(self) -> None:
        """Registers the steps of approval."""
        for step in (self.submit, self.approve, self.reject, self.reverse):
            path = f"{BASE}/expense/reports/{{id:\\d+}}/{step.__name__}"
            self.service.route("POST", path, self._handler(step.__name__))

    def of(self, member_id: int, date: str) -> Record:
        """The report of a member for the month of a date; made when there is none yet."""
        year, month = int(date[:4]), int(date[5:7])
        for report in self.store.rows(ENTITY):
            if (report["member"]["id"], report["year"], report["period"]) == (member_id, year, month):
                return report
        member, end = self.store.get("Member", member_id), monthrange(year, month)[1]
        values = {
            "member": {"id": member_id},
            "year": year,
            "period": month,
            "dateStart": f"{date[:7]}-01T00:00:00Z",
            "dateEnd": f"{date[:7]}-{end:02}T00:00:00Z",
            "dueDate": f"{date[:7]}-{end:02}T00:00:00Z",
            "status": "Open",
            "name": f"{member['name']} {date[:7]}",
            "entryIds": [],
        }
        return self.store.insert(ENTITY, values, self.service.member)

    def delete(self, report: Record, member: str) -> None:
        """Deletes an empty report."""
        if report["entryIds"]:
            raise ApiError(409, "InvalidObject", "the expense report has entries")
        self.store.remove(ENTITY, report["id"], member)

    def submit(self, report: Record, _body: Record, member: str) -> None:
        """Hands a report in."""
        if report["status"] not in EDITABLE or not report["entryIds"]:
            raise _refused("submitted", report)
        self._move(report, "PendingApproval", member)

    def approve(self, report: Record, body: Record, member: str) -> None:
        """Approves: ``{approvalType?: Tier1Update|Tier2Update|Billing}``, by default the tier whose turn it is."""
        kind = body.get("approvalType") or _NEXT_APPROVAL.get(report["status"], "")
        status = _APPROVALS.get((report["status"], kind))
        if status is None:
            raise _refused("approved", report)
        self._move(report, status, member)

    def reject(self, report: Record, _body: Record, member: str) -> None:
        """Sends a report back to its member."""
        if report["status"] not in _REJECTIONS:
            raise _refused("rejected", report)
        self._move(report, _REJECTIONS[report["status"]], member)

    def reverse(self, report: Record, _body: Record, member: str) -> None:
        """Takes the last step back; raises 400 when an expense of the report is batched."""
        if report["status"] not in _REVERSALS or any(map(self.source.is_batched, self.entries(report))):
            raise _refused("reversed", report)
        self._move(report, _REVERSALS[report["status"]], member)

    def entries(self, report: Record) -> list[Record]:
        """The expense entries of a report."""
        return [self.store.get("ExpenseEntry", number) for number in report["entryIds"]]

    def _move(self, report: Record, status: str, member: str) -> None:
        report["status"] = status
        self.store.touch(ENTITY, report, member)
        for expense in self.entries(report):
            expense["status"] = status
            expense["dateApproved"] = now_text() if self.source.approved(status) else None
            self.store.touch("ExpenseEntry", expense, member)

    def _computed(self, report: Record) -> Mapping[str, Json]:
        amounts: list[Decimal] = [expense["amount"] for expense in self.entries(report)]
        return {"total": sum(amounts, ZERO)}

    def _handler(self, name: str) -> Handler:
        step = getattr(self, name)

        async def act(request: web.Request) -> web.Response:
            report = self.store.get(ENTITY, int(request.match_info["id"]))
            body = await read_json(request) if request.can_read_body else {}
            schema = "ExpenseReportTierUpdate"
            step(report, clean(self.store, schema, require_object(schema, body)), self.service.member)
            return json_response({"success": True, "message": ""})

        return act


def _refused(step: str, report: Record) -> ApiError:
    text = f"an expense report in status {report['status']} cannot be {step}"
    return invalid_field(ENTITY, "status", text, "InvalidObject")
