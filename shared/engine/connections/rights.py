"""Which rights a connection needs in both systems, and a look at which of them are missing, without writing anything.

Reading is tried with a question that no record answers. Writing is tried on a record that cannot exist, so nothing
can change: a system that refuses the right says so, and any other refusal only shows that it did not.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from shared.domain.errors import RetryLater, StopConnection, SyncError
from shared.engine.connections.connection import Connection, Connections
from shared.ports.platform import Clock
from shared.ports.storage import StateStore

PERMISSION: Final = "permission"
RIGHTS: Final = "rights"
NOBODY: Final = "00000000-0000-0000-0000-000000000000"
"""An id of Business Central that no record has. ConnectWise counts from 1, so 0 is nobody's there."""
POST: Final = "Microsoft.NAV.post"

log = logging.getLogger("dynaconnect.rights")

type Probe = Callable[[Connection], Awaitable[object]]


class Found(StrEnum):
    """What a probe showed."""

    GRANTED = "granted"
    NOT_REFUSED = "not refused"
    """A write that cannot succeed was refused, but not for a missing right. No proof, only no contradiction."""
    MISSING = "missing"
    UNKNOWN = "unknown"
    """The system could not answer."""


@dataclass(frozen=True, slots=True)
class Right:
    """One right: ``where`` it is given (security role or permission set), ``level``, and what it is needed for."""

    system: str
    where: str
    level: str
    needed_for: str
    probe: Probe
    reads: bool


@dataclass(frozen=True, slots=True)
class RightsCheck:
    """Looks at the rights of a connection, on demand and at its first start."""

    connections: Connections
    state: StateStore
    clock: Clock

    async def look(self, name: str) -> dict[str, Any]:
        """Every right with what was found; stored, and logged where one is missing.

        Raises StopConnection when there is no such connection, or when it may not call at all.
        """
        connection = await self.connections.get(name)
        rows = [await row_of(connection, right) for right in NEEDED]
        missing = [row for row in rows if row["found"] == Found.MISSING]
        for row in missing:
            log.error("%s lacks a right in %s: %s, %s", name, row["system"], row["where"], row["level"])
        result = {"at": self.clock.now().isoformat(), "missing": missing}
        await self.state.save(name, RIGHTS, result)
        return {"connection": name, **result, "rights": rows}


async def row_of(connection: Connection, right: Right) -> dict[str, Any]:
    """What a look at one right shows; raises StopConnection when the connection may not call at all."""
    found, detail = Found.GRANTED if right.reads else Found.NOT_REFUSED, ""
    try:
        await right.probe(connection)
    except StopConnection as stop:
        if stop.cause != PERMISSION and stop.cause != "analytics_absent":
            raise
        found, detail = Found.MISSING, stop.operator
    except RetryLater as later:
        found, detail = Found.UNKNOWN, later.operator
    except SyncError:
        # Nobody has that id: the right was looked at before, or will not be.
        pass
    return {
        "system": right.system,
        "where": right.where,
        "level": right.level,
        "needed_for": right.needed_for,
        "found": found.value,
        "detail": detail,
    }


def _cw_read(path: str) -> Probe:
    async def probe(connection: Connection) -> object:
        return await connection.connectwise.select(path, {"id": 0})

    return probe


def _cw_listed(path: str) -> Probe:
    async def probe(connection: Connection) -> object:
        # What ConnectWise computes cannot be asked by id; the first page is enough.
        return await anext(aiter(connection.connectwise.scan(path, fields=("id",))), None)

    return probe


async def _cw_documents(connection: Connection) -> object:
    return await connection.connectwise.documents("Expense", 0)


def _cw_change(path: str, field: str) -> Probe:
    async def probe(connection: Connection) -> object:
        return await connection.connectwise.change(f"{path}/0", {field: ""})

    return probe


def _cw_add(path: str) -> Probe:
    async def probe(connection: Connection) -> object:
        return await connection.connectwise.create(path, {})

    return probe


def _cw_remove(path: str) -> Probe:
    async def probe(connection: Connection) -> None:
        await connection.connectwise.remove(path)

    return probe


async def _cw_batches(connection: Connection) -> object:
    return await connection.connectwise.find_batch("-")


def _bc_read(entity_set: str) -> Probe:
    async def probe(connection: Connection) -> object:
        return await connection.business_central.read(entity_set, NOBODY)

    return probe


def _bc_change(entity_set: str) -> Probe:
    async def probe(connection: Connection) -> object:
        return await connection.business_central.change(entity_set, NOBODY, {}, "*")

    return probe


def _bc_act(entity_set: str, action: str) -> Probe:
    async def probe(connection: Connection) -> None:
        await connection.business_central.act(entity_set, NOBODY, action)

    return probe


async def _bc_subscriptions(connection: Connection) -> object:
    return await connection.business_central.subscriptions()


async def _bc_ledger(connection: Connection) -> object:
    return await connection.business_central.ledger_of_entries([0])


def _connectwise(where: str, needed_for: str, **levels: Probe) -> list[Right]:
    return [
        Right("ConnectWise", where, level, needed_for, probe, reads=level == "inquire")
        for level, probe in levels.items()
    ]


def _central(
    where: str, needed_for: str, *, read: Probe | None = None, write: Probe | None = None
) -> list[Right]:
    probes = {"read": read, "write": write}
    return [
        Right("Business Central", where, level, needed_for, probe, reads=level == "read")
        for level, probe in probes.items()
        if probe is not None
    ]


NEEDED: Final[tuple[Right, ...]] = (
    *_connectwise(
        "Companies > Company Maintenance",
        "Customers and vendors, their numbers",
        inquire=_cw_read("company/companies"),
        edit=_cw_change("company/companies", "accountNumber"),
    ),
    *_connectwise("Companies > Contacts", "The default contact", inquire=_cw_read("company/contacts")),
    *_connectwise(
        "Procurement > Product Catalog",
        "Items, their cross-reference",
        inquire=_cw_read("procurement/catalog"),
        edit=_cw_change("procurement/catalog", "vendorSku"),
    ),
    *_connectwise(
        "Finance > Invoicing",
        "Invoices, their notes and payments",
        inquire=_cw_read("finance/invoices"),
        edit=_cw_change("finance/invoices", "internalNotes"),
        add=_cw_add("finance/invoices/0/payments"),
        delete=_cw_remove("finance/invoices/0/payments/0"),
    ),
    *_connectwise(
        "Finance > Accounting Interface",
        "The amounts of documents, and batches",
        inquire=_cw_listed("finance/accounting/unpostedinvoices"),
    ),
    *_connectwise("Finance > Accounting Interface, batches", "What was exported", inquire=_cw_batches),
    *_connectwise(
        "Procurement > Purchase Orders", "Orders and receipts", inquire=_cw_read("procurement/purchaseorders")
    ),
    *_connectwise("Finance > Agreements", "Agreements", inquire=_cw_read("finance/agreements")),
    *_connectwise("Project > Project Headers", "Projects", inquire=_cw_read("project/projects")),
    *_connectwise(
        "System > Member Maintenance",
        "Employees and their vendor number",
        inquire=_cw_read("system/members"),
        edit=_cw_change("system/members", "vendorNumber"),
    ),
    *_connectwise(
        "Time & Expense > Expense Report Entry", "Expense reports", inquire=_cw_read("expense/reports")
    ),
    *_connectwise("Documents of expenses", "Receipts of expenses", inquire=_cw_documents),
    *_connectwise(
        "Callbacks",
        "Hearing of changes",
        inquire=_cw_listed("system/callbacks"),
        delete=_cw_remove("system/callbacks/0"),
    ),
    *_central("D365 BASIC", "Setup lists", read=_bc_read("paymentTerms")),
    *_central("D365 BASIC, subscriptions", "Hearing of changes", read=_bc_subscriptions),
    *_central("D365 CUSTOMER, EDIT", "Customers", read=_bc_read("customers"), write=_bc_change("customers")),
    *_central("D365 VENDOR, EDIT", "Vendors", read=_bc_read("vendors"), write=_bc_change("vendors")),
    *_central("D365 ITEM, EDIT", "Items", read=_bc_read("items"), write=_bc_change("items")),
    *_central(
        "D365 SALES DOC, EDIT", "Drafts", read=_bc_read("salesInvoices"), write=_bc_change("salesInvoices")
    ),
    *_central("D365 SALES DOC, EDIT, credit memos", "Credit memos", read=_bc_read("salesCreditMemos")),
    *_central("D365 SALES DOC, POST", "Posting", write=_bc_act("salesInvoices", POST)),
    *_central(
        "D365 PURCH DOC, EDIT",
        "Purchase orders",
        read=_bc_read("purchaseOrders"),
        write=_bc_change("purchaseOrders"),
    ),
    *_central("D365 PURCH DOC, POST", "Bills and expense reports", write=_bc_act("purchaseInvoices", POST)),
    *_central(
        "D365 PURCH DOC, EDIT, document attachments",
        "Receipts of expenses",
        read=_bc_read("documentAttachments"),
        write=_bc_change("documentAttachments"),
    ),
    *_central(
        "D365 JOURNALS, EDIT and POST",
        "Company-paid expenses",
        read=_bc_read("journals"),
        write=_bc_act("journals", POST),
    ),
    *_central("D365 JOBS, EDIT", "Projects and agreements", read=_bc_read("projects")),
    *_central("Power BI Core Basic, or the two published pages", "Payments", read=_bc_ledger),
)
"""Every right that a connection needs, as connect.md lists them."""
