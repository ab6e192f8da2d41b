"""Projects. ``closedFlag`` follows the status, whose table the API does not serve."""

from collections.abc import Mapping
from typing import Final

from sandbox.connectwise.crud import Collection
from sandbox.connectwise.errors import ApiError, invalid_field
from sandbox.connectwise.screens import Screen, type_in
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record, now_text
from sandbox.kit import Json

ENTITY: Final = "Project"


class Projects:
    """The projects of the tenant."""

    def __init__(self, service: Service) -> None:
        self.store = service.store
        self.collection = Collection(
            service,
            "project/projects",
            ENTITY,
            complete=self.complete,
            delete=self.delete,
            kept=("status", "billToCompany", "shipToCompany", "location", "department"),
        )
        self.store.computed[ENTITY] = self._computed

    def screen(self) -> Screen:
        """The screen with its actions ``close`` and ``reopen``."""
        return Screen(self.collection, self.enter, (self.close, self.reopen))

    def complete(self, values: Record) -> None:
        """Fills what a new project does not name: status, parties, ways of billing, place."""
        company = self.store.get("Company", values["company"]["id"])
        values.setdefault("status", {"id": self._status_id(closed=False)})
        values.setdefault("billToCompany", {"id": company["id"]})
        values.setdefault("shipToCompany", {"id": company["id"]})
        for name in ("billingTerms", "currency", "taxCode"):
            if name in company:
                values.setdefault(name, company[name])
        for name in ("billTime", "billExpenses", "billProducts"):
            values.setdefault(name, "Billable")
        values.setdefault("billingRateType", "WorkRole")
        values.setdefault("budgetAnalysis", "ActualHours")
        values.setdefault("location", {"id": 1})
        values.setdefault("department", {"id": 1})
        if values["estimatedEnd"] < values["estimatedStart"]:
            raise invalid_field(ENTITY, "estimatedEnd", "a project cannot end before it starts")

    def delete(self, project: Record, member: str) -> None:
        """Deletes a project without invoices; raises 409 otherwise."""
        reference = {"id": project["id"]}
        if any(invoice.get("project") == reference for invoice in self.store.rows("Invoice")):
            raise ApiError(409, "InvalidObject", "the project has invoices")
        self.store.remove(ENTITY, project["id"], member)

    def enter(self, values: Record) -> Record:
        """Creates a project; name and company are enough."""
        today = f"{now_text()[:10]}T00:00:00Z"
        defaults = {
            "billingMethod": "ActualRates",
            "board": {"name": "Projects"},
            "estimatedStart": today,
            "estimatedEnd": values.get("estimatedStart", today),
        }
        return self.collection.create({**defaults, **values}, ADMIN_MEMBER)

    def close(self, project: Record, body: Record) -> None:
        """Closes a project: ``{actualEnd?}``."""
        changed = {"status": {"id": self._status_id(closed=True)}, "actualEnd": now_text(), **body}
        type_in(self.collection, project, changed)

    def reopen(self, project: Record, _body: Record) -> None:
        """Opens a project again."""
        changed = {"status": {"id": self._status_id(closed=False)}, "actualEnd": None}
        type_in(self.collection, project, changed)

    def _status_id(self, *, closed: bool) -> int:
        return int(next(row["id"] for row in self.store.rows("ProjectStatus") if row["closedFlag"] is closed))

    def _computed(self, project: Record) -> Mapping[str, Json]:
        return {"closedFlag": self.store.get("ProjectStatus", project["status"]["id"])["closedFlag"]}
