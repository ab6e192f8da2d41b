"""The terms of an agreement: what recurs, its additions and adjustments, and what changed when."""

from decimal import Decimal
from typing import Any, Final

from shared.domain.money import cents
from shared.engine.entity import Job, JsonObject

MOST_HISTORY: Final = 200
MONTHS: Final = {"month": 1, "quarter": 3, "semi": 6, "half": 6, "annual": 12, "year": 12}
KEPT: Final = (
    "name",
    "startDate",
    "endDate",
    "cancelledFlag",
    "dateCancelled",
    "agreementStatus",
    "billAmount",
)


async def terms(job: Job) -> JsonObject:
    """Additions and adjustments for the mapping; what changed since the last pass goes into the history."""
    connectwise, path = job.connection.connectwise, f"finance/agreements/{job.ref.id}"
    additions = [row async for page in connectwise.scan(f"{path}/additions") for row in page]
    adjustments = [row async for page in connectwise.scan(f"{path}/adjustments") for row in page]
    now = _terms(job.source or {}, additions, adjustments)
    facts = job.link.facts
    events = _events(facts.get("terms"), now)
    if events:
        stamp = job.now.isoformat()
        history = [*facts.get("history", []), *({"at": stamp, **event} for event in events)]
        facts["history"] = history[-MOST_HISTORY:]
    facts["terms"] = now
    return {"additions": additions, "adjustments": adjustments, "terms": now}


def _terms(agreement: JsonObject, additions: list[JsonObject], adjustments: list[JsonObject]) -> JsonObject:
    billable = [
        row for row in additions if row.get("billCustomer") == "Billable" and not row.get("cancelledDate")
    ]
    recurring = cents(agreement.get("billAmount") or 0) + sum((_worth(row) for row in billable), Decimal(0))
    cycle = str((agreement.get("billingCycle") or {}).get("name") or "")
    months = next((count for word, count in MONTHS.items() if word in cycle.lower()), 0)
    return {
        **{name: agreement[name] for name in KEPT if name in agreement},
        "company": (agreement.get("company") or {}).get("id"),
        "currency": (agreement.get("currency") or {}).get("currencyCode", ""),
        "cycle": cycle,
        "recurring": recurring,
        "monthly": cents(recurring / months) if months else None,
        "additions": {str(row["id"]): _addition(row) for row in additions},
        "adjustments": {str(row["id"]): str(row.get("amount", "")) for row in adjustments},
    }


def _worth(addition: JsonObject) -> Decimal:
    quantity = Decimal(addition.get("quantity") or 0) - Decimal(addition.get("lessIncluded") or 0)
    return cents(max(quantity, Decimal(0)) * Decimal(addition.get("unitPrice") or 0))


def _addition(row: JsonObject) -> JsonObject:
    names = ("quantity", "lessIncluded", "unitPrice", "billCustomer", "effectiveDate", "cancelledDate")
    return {"item": (row.get("product") or {}).get("identifier"), **{n: row[n] for n in names if n in row}}


def _events(before: JsonObject | None, now: JsonObject) -> list[JsonObject]:
    """What happened between two states of the terms, in words that a person uses."""
    if before is None:
        return [{"what": "first seen", "recurring": now["recurring"]}]
    events: list[JsonObject] = []
    if now.get("cancelledFlag") and not before.get("cancelledFlag"):
        events.append({"what": "cancelled", "on": now.get("dateCancelled")})
    if now.get("endDate") != before.get("endDate") and not now.get("cancelledFlag"):
        events.append(
            {"what": "renewed or shortened", "from": before.get("endDate"), "to": now.get("endDate")}
        )
    for kind in ("additions", "adjustments"):
        events += _differences(kind[:-1], before.get(kind, {}), now[kind])
    if cents(before.get("recurring") or 0) != now["recurring"]:
        events.append({"what": "recurring amount", "from": before.get("recurring"), "to": now["recurring"]})
    return events


def _differences(kind: str, before: dict[str, Any], now: dict[str, Any]) -> list[JsonObject]:
    events: list[JsonObject] = []
    for key in sorted({*before, *now}):
        if key not in before:
            events.append({"what": f"{kind} added", "id": key, "to": now[key]})
        elif key not in now:
            events.append({"what": f"{kind} removed", "id": key, "from": before[key]})
        elif before[key] != now[key]:
            events.append({"what": f"{kind} changed", "id": key, "from": before[key], "to": now[key]})
    return events
