"""The terms of an agreement: what recurs, its additions and adjustments, and what changed when."""

from typing import Any, Final

from shared.domain.money import cents
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.agreements import day, months_of, recurring

MOST_HISTORY: Final = 200
KEPT: Final = (
    "name",
    "startDate",
    "endDate",
    "cancelledFlag",
    "dateCancelled",
    "reasonCancelled",
    "agreementStatus",
    "billAmount",
)
ADDITION: Final = (
    "quantity",
    "lessIncluded",
    "unitPrice",
    "billCustomer",
    "effectiveDate",
    "cancelledDate",
)
ADJUSTMENT: Final = ("amount", "description", "effectiveDate")


async def terms(job: Job) -> JsonObject:
    """Additions and adjustments for the mapping; what changed since the last pass goes into the history."""
    connectwise, path = job.connection.connectwise, f"finance/agreements/{job.ref.id}"
    additions = [row async for page in connectwise.scan(f"{path}/additions") for row in page]
    adjustments = [row async for page in connectwise.scan(f"{path}/adjustments") for row in page]
    now = _terms(job, additions, adjustments)
    facts = job.link.facts
    events = _events(facts.get("terms"), now)
    if events:
        stamp = job.now.isoformat()
        history = [*facts.get("history", []), *({"at": stamp, **event} for event in events)]
        facts["history"] = history[-MOST_HISTORY:]
    facts["terms"] = now
    return {"additions": additions, "adjustments": adjustments, "terms": now}


def _terms(job: Job, additions: list[JsonObject], adjustments: list[JsonObject]) -> JsonObject:
    agreement = job.source or {}
    company = agreement.get("company") or {}
    cycle = str((agreement.get("billingCycle") or {}).get("name") or "")
    endless = bool(agreement.get("noEndingDateFlag"))
    now: JsonObject = {
        **_only(agreement, tuple(name for name in KEPT if not (endless and name == "endDate"))),
        "company": _only(company, ("id", "name")),
        "currency": (agreement.get("currency") or {}).get("currencyCode", ""),
        "cycle": cycle,
        "additions": {str(row["id"]): _addition(row) for row in additions},
        "adjustments": {str(row["id"]): _only(row, ADJUSTMENT) for row in adjustments},
    }
    now["recurring"] = recurring(now, job.now.date())
    months = months_of(cycle)
    now["monthly"] = cents(now["recurring"] / months) if months else None
    return now


def _only(row: JsonObject, names: tuple[str, ...]) -> JsonObject:
    return {name: row[name] for name in names if name in row}


def _addition(row: JsonObject) -> JsonObject:
    return {"item": (row.get("product") or {}).get("identifier"), **_only(row, ADDITION)}


def _events(before: JsonObject | None, now: JsonObject) -> list[JsonObject]:
    """What happened between two states of the terms, in words that a person uses."""
    if before is None:
        return [{"what": "first seen", "recurring": now["recurring"]}]
    events = [*_of_the_term(before, now)]
    for kind in ("additions", "adjustments"):
        events += _differences(kind[:-1], before.get(kind, {}), now[kind])
    if cents(before.get("recurring") or 0) != now["recurring"]:
        events.append({"what": "recurring amount", "from": before.get("recurring"), "to": now["recurring"]})
    return events


def _of_the_term(before: JsonObject, now: JsonObject) -> list[JsonObject]:
    """Cancelled, reinstated, renewed or shortened. An empty end means without end."""
    events: list[JsonObject] = []
    was, is_now = bool(before.get("cancelledFlag")), bool(now.get("cancelledFlag"))
    if is_now and not was:
        event = {"what": "cancelled", "on": day(now.get("dateCancelled")), "why": now.get("reasonCancelled")}
        events.append(event)
    if was and not is_now:
        events.append({"what": "reinstated"})
    old, new = day(before.get("endDate")), day(now.get("endDate"))
    if old != new and not is_now:
        later = not new or (bool(old) and new > old)
        events.append({"what": "renewed" if later else "shortened", "from": old, "to": new})
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
