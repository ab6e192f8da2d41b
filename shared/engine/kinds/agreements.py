"""Agreements as recurring revenue: what their terms are worth on a day, and what was invoiced for them.

The terms are kept with the link of each agreement (:mod:`shared.entities.contracts`); what was invoiced comes from
the tags of posted documents, so the report needs neither of the two systems.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from shared.domain.errors import BadRequest
from shared.domain.money import cents
from shared.domain.records import Link
from shared.engine.connections.connection import Connections
from shared.ports.platform import Clock
from shared.ports.storage import RecordStore

type JsonObject = dict[str, Any]

MONTHS: Final = {
    "bimonth": 2,
    "bi-month": 2,
    "month": 1,
    "quarter": 3,
    "semi": 6,
    "half": 6,
    "annual": 12,
    "year": 12,
}
"""Months of a billing cycle by a word in its name; the first that fits counts."""
AGREEMENT: Final = "agreement"
SIGNS: Final = {"sales_invoice": 1, "credit_memo": -1}
"""The documents that are counted as invoiced, and their sign."""
DOCUMENTS: Final = "invoice"
POSTED: Final = ("posted", "batched", "done")


def day(value: object) -> str:
    """The calendar day of a ConnectWise date, empty if there is none."""
    return str(value or "")[:10]


def in_effect(addition: Mapping[str, Any], today: date) -> bool:
    """Whether an addition is billed on a day: billable, begun and not cancelled before."""
    begun, cancelled = day(addition.get("effectiveDate")), day(addition.get("cancelledDate"))
    return (
        addition.get("billCustomer") == "Billable"
        and begun <= today.isoformat()
        and (not cancelled or cancelled >= today.isoformat())
    )


def worth(addition: Mapping[str, Any]) -> Decimal:
    """What an addition brings in each cycle: what goes beyond the included quantity, at its price."""
    quantity = Decimal(addition.get("quantity") or 0) - Decimal(addition.get("lessIncluded") or 0)
    return cents(max(quantity, Decimal(0)) * Decimal(addition.get("unitPrice") or 0))


def status(terms: Mapping[str, Any], today: date) -> str:
    """Cancelled, Expired, Inactive (not begun) or Active on a day, as ConnectWise names it."""
    now, end = today.isoformat(), day(terms.get("endDate"))
    if terms.get("cancelledFlag"):
        return "Cancelled"
    if end and end < now:
        return "Expired"
    return "Inactive" if day(terms.get("startDate")) > now else "Active"


def recurring(terms: Mapping[str, Any], today: date) -> Decimal:
    """What is billed each cycle on a day, whatever the agreement's status: its amount and its additions in effect."""
    additions = [one for one in terms.get("additions", {}).values() if in_effect(one, today)]
    return cents(terms.get("billAmount") or 0) + sum(map(worth, additions), Decimal(0))


def months_of(cycle: str) -> int:
    """The months of a billing cycle, 0 where its name does not tell."""
    return next((count for word, count in MONTHS.items() if word in cycle.casefold()), 0)


@dataclass(slots=True)
class Invoiced:
    """What was posted for one agreement, by currency: total and number of documents."""

    totals: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, link: Link, sign: int) -> None:
        """Counts a posted document."""
        currency = str(link.facts.get("currency", ""))
        self.totals[currency] += sign * cents(link.facts.get("total", 0))
        self.counts[currency] += 1

    def rows(self) -> list[JsonObject]:
        """As the report shows it."""
        return [
            {"currency": currency, "total": self.totals[currency], "count": self.counts[currency]}
            for currency in sorted(self.totals)
        ]


@dataclass(frozen=True, slots=True)
class AgreementReport:
    """Recurring revenue by agreement."""

    connections: Connections
    store: RecordStore
    clock: Clock

    async def read(self, connection: str) -> JsonObject:
        """Every agreement with its worth today and what was invoiced for it, and the sums by currency.

        Raises BadRequest for an unknown connection. Amounts are in the agreement's currency; ``monthly`` is empty
        where the name of the cycle does not tell its length, and zero for an agreement that is not active.
        """
        if connection not in await self.connections.names():
            raise BadRequest(f"there is no connection {connection}")
        today = self.clock.now().date()
        invoiced = await self._invoiced(connection)
        rows = [
            _row(record_id, link, invoiced.pop(record_id, Invoiced()), today)
            async for record_id, link in self._agreements(connection)
        ]
        # What was invoiced for agreements that nobody has synced must not be missing from the sums.
        rows += [_unknown(record_id, one) for record_id, one in invoiced.items()]
        rows.sort(key=lambda row: int(row["id"]))
        return {"agreements": rows, "totals": _totals(rows)}

    async def _agreements(self, connection: str) -> AsyncIterator[tuple[str, Link]]:
        async for record in self.store.records(connection, AGREEMENT):
            link = record.links.get(AGREEMENT)
            if link is not None and "terms" in link.facts:
                yield record.ref.id, link

    async def _invoiced(self, connection: str) -> dict[str, Invoiced]:
        found: defaultdict[str, Invoiced] = defaultdict(Invoiced)
        async for record in self.store.records(connection, DOCUMENTS):
            for entity, sign in SIGNS.items():
                link = record.links.get(entity)
                agreement = link.facts.get("tags", {}).get(AGREEMENT) if link else None
                if link is not None and agreement and link.step in POSTED:
                    found[str(agreement)].add(link, sign)
        return dict(found)


def _row(record_id: str, link: Link, invoiced: Invoiced, today: date) -> JsonObject:
    terms: JsonObject = link.facts["terms"]
    amount, state = recurring(terms, today), status(terms, today)
    months = months_of(str(terms.get("cycle", "")))
    active = state == "Active"
    return {
        "id": record_id,
        "name": terms.get("name", ""),
        "company": terms.get("company"),
        "project": link.target_number,
        "status": state,
        "start": day(terms.get("startDate")),
        "end": day(terms.get("endDate")),
        "cancelled": day(terms.get("dateCancelled")) if terms.get("cancelledFlag") else "",
        "cycle": terms.get("cycle", ""),
        "currency": terms.get("currency", ""),
        "recurring": amount,
        "monthly": (cents(amount / months) if active else Decimal("0.00")) if months else None,
        "additions": sum(in_effect(one, today) for one in terms.get("additions", {}).values()),
        "invoiced": invoiced.rows(),
        "history": link.facts.get("history", []),
    }


def _unknown(record_id: str, invoiced: Invoiced) -> JsonObject:
    return {"id": record_id, "name": "", "status": "", "invoiced": invoiced.rows()}


def _totals(rows: list[JsonObject]) -> list[JsonObject]:
    """By currency: how many agreements are active, what they bring each month, what was invoiced."""
    sums: defaultdict[str, JsonObject] = defaultdict(
        lambda: {"active": 0, "monthly": Decimal("0.00"), "invoiced": Decimal("0.00"), "count": 0}
    )
    for row in rows:
        if row["status"] == "Active":
            own = sums[str(row["currency"])]
            own["active"] += 1
            own["monthly"] += row["monthly"] or 0
        for one in row["invoiced"]:
            sums[one["currency"]]["invoiced"] += one["total"]
            sums[one["currency"]]["count"] += one["count"]
    return [{"currency": currency, **sums[currency]} for currency in sorted(sums)]
