"""The Business Central port over HTTP, for one company."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from shared.adapters.business_central import odata
from shared.adapters.business_central.errors import TABLE
from shared.adapters.business_central.ledger_pages import Condition, LedgerPages
from shared.adapters.http import Answer, JsonClient
from shared.adapters.pace import Turn
from shared.adapters.resolutions import Refusal, resolve
from shared.domain.errors import AlreadyExists, NotFound, OutcomeUnknown, StopConnection, SyncError
from shared.domain.tenure import Extend
from shared.ports.systems import Content, Lookup

type JsonObject = dict[str, Any]

API: Final = "api/v2.0"
ANALYTICS: Final = ("api/microsoft/analytics/v1.0", "api/microsoft/analytics/v0.5")
"""v1.0 from 28.0, v0.5 on 26.x and 27.x (app PowerBIReports, query Customer Ledger Entries)."""
PAGES: Final = "ODataV4"
"""Stands for the published pages where a route of the analytics API is meant."""
DIMENSION_VALUES_PAGE: Final = "DimensionValues"
"""The service name under which the page Dimension Values is to be published."""
NAME_LENGTH: Final = 50
REFERENCE_SECONDS: Final = 600.0
REFRESH_SECONDS: Final = 60.0
BATCH_MOST: Final = 100
ENTRIES_PER_FILTER: Final = 40


@dataclass(slots=True)
class BusinessCentralClient:
    """One company of one environment. ``company`` is its id or name."""

    client: JsonClient
    company: str
    _company_id: str = ""
    _company_name_read: str = ""
    _ledger_route: str = ""
    _lists: dict[str, tuple[float, list[JsonObject]]] = field(default_factory=dict)
    _list_locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _company_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def probe(self) -> str:
        """A sign of life; Business Central tells no version through this interface."""
        await self.client.probe(f"{API}/companies")
        return ""

    async def _company_path(self) -> str:
        """``companies(id)``: ids are stable, names can change, so a name is resolved once."""
        if not self._company_id:
            async with self._company_lock:
                if not self._company_id:
                    self._company_id = await self._resolve_company()
        return f"companies({self._company_id})"

    async def _resolve_company(self) -> str:
        answer = await self.client.request("GET", f"{API}/companies")
        wanted = self.company.casefold()
        for row in answer.body["value"]:
            names = {str(row.get(name, "")).casefold() for name in ("id", "name", "displayName")}
            if wanted in names:
                self._company_name_read = str(row["name"])
                return str(row["id"])
        raise StopConnection(
            "company",
            f"Business Central has no company {self.company} that the application may see.",
            todo="Check BUSINESS_CENTRAL_COMPANY and the application's permissions.",
        )

    async def _path(self, rest: str, api: str = API) -> str:
        return f"{api}/{await self._company_path()}/{rest}"

    async def read(self, entity_set: str, record_id: str, *, expand: str = "") -> JsonObject:
        """One record by its id; raises NotFound."""
        params = {"$expand": expand} if expand else None
        answer = await self.client.request(
            "GET", await self._path(odata.key(entity_set, record_id)), params=params
        )
        return dict(answer.body)

    async def find(self, lookups: Sequence[Lookup]) -> list[list[JsonObject]]:
        """One call: a plain read for one search, a batch for several."""
        company = await self._company_path()
        urls = [
            f"{company}/{one.entity_set}?$filter={quote(odata.all_equal({one.field: one.value}))}"
            for one in lookups
        ]
        if len(urls) == 1:
            answer = await self.client.request("GET", f"{API}/{urls[0]}")
            return [list(answer.body["value"])]
        found: list[list[JsonObject]] = []
        for start in range(0, len(urls), BATCH_MOST):
            found += [
                list(body["value"]) for body in await self._batch_read(urls[start : start + BATCH_MOST])
            ]
        return found

    async def _batch_read(self, urls: Sequence[str]) -> list[JsonObject]:
        requests = [{"method": "GET", "id": str(number), "url": url} for number, url in enumerate(urls)]
        answer = await self.client.request(
            "POST", f"{API}/$batch", body={"requests": requests}, repeatable=True, weight=len(requests)
        )
        bodies = []
        for one in answer.body["responses"]:
            if one["status"] >= 400:
                raise self._refused("GET", one, safe=True)
            bodies.append(one["body"])
        return bodies

    def _refused(self, method: str, one: JsonObject, *, safe: bool) -> SyncError:
        """What the refusal of one operation of a batch means."""
        error = (one.get("body") or {}).get("error", {})
        refusal = Refusal(
            self.client.system,
            method,
            "$batch",
            int(one["status"]),
            str(error.get("code", "")),
            str(error.get("message", "")),
            str(one.get("body"))[:500],
        )
        return resolve(TABLE, refusal, after=None, safe=safe, open_for=self.client.operation_time)

    async def scan(
        self,
        entity_set: str,
        *,
        equal: Mapping[str, str] | None = None,
        starting: Mapping[str, Sequence[str]] | None = None,
        select: Sequence[str] = (),
        expand: str = "",
    ) -> AsyncIterator[list[JsonObject]]:
        """Pages as the server cuts them, following its next links on our own host."""
        params = {}
        conditions = [odata.all_equal(equal)] if equal else []
        conditions += [f"({odata.any_start(field, texts)})" for field, texts in (starting or {}).items()]
        if conditions:
            params["$filter"] = " and ".join(conditions)
        if select:
            params["$select"] = ",".join(select)
        if expand:
            params["$expand"] = expand
        path = await self._path(entity_set)
        async for page in self._pages(path, params):
            yield page

    async def _pages(self, path: str, params: Mapping[str, str]) -> AsyncIterator[list[JsonObject]]:
        answer: Answer = await self.client.request("GET", path, params=params or None)
        while True:
            yield list(answer.body["value"])
            following = answer.body.get("@odata.nextLink")
            if not following:
                return
            _, _, query = str(following).partition("?")
            answer = await self.client.request("GET", f"{path}?{query}")

    async def create(self, entity_set: str, body: JsonObject) -> JsonObject:
        """Adds a record (with its lines) and returns it as stored."""
        answer = await self.client.request("POST", await self._path(entity_set), body=body)
        return dict(answer.body)

    def take_over(self) -> None:
        """Counts what an earlier process may have called against the limit of this one."""
        self.client.pace.take_over()

    async def create_many(
        self, entity_set: str, bodies: Sequence[JsonObject], tenures: Sequence[Extend | None]
    ) -> list[JsonObject | SyncError]:
        """Batches that go on after a failure, each as large as the calls that may be made; what became of each body.

        A body whose lease was lost while it waited for its turn is not sent.
        """
        answers: list[JsonObject | SyncError] = []
        while len(answers) < len(bodies):
            first, rest = len(answers), len(bodies) - len(answers)
            with await self.client.pace.turn_of_some(min(rest, BATCH_MOST)) as turn:
                lost = await asyncio.gather(*(self._lost(one) for one in tenures[first : first + turn.calls]))
                some = bodies[first : first + turn.calls]
                kept = [body for body, error in zip(some, lost, strict=True) if error is None]
                made = iter(await self._create_some(entity_set, kept, turn))
                answers += [next(made) if error is None else error for error in lost]
        return answers

    async def _lost(self, extend: Extend | None) -> SyncError | None:
        """Why what is written under a lease may not be sent, None if it may."""
        try:
            if extend is not None:
                await extend(timedelta(seconds=self.client.deadline))
        except SyncError as error:
            return error
        return None

    async def _create_some(
        self, entity_set: str, bodies: Sequence[JsonObject], turn: Turn
    ) -> list[JsonObject | SyncError]:
        if not bodies:
            return []
        try:
            return await self._create_batch(entity_set, bodies, turn)
        except SyncError as error:
            return [error] * len(bodies)

    async def _create_batch(
        self, entity_set: str, bodies: Sequence[JsonObject], turn: Turn
    ) -> list[JsonObject | SyncError]:
        """One batch; an answer that is missing is an unknown outcome."""
        url = f"{await self._company_path()}/{entity_set}"
        json = {"Content-Type": "application/json"}
        requests = [
            {"method": "POST", "id": str(number), "url": url, "headers": json, "body": body}
            for number, body in enumerate(bodies)
        ]
        answer = await self.client.request(
            "POST",
            f"{API}/$batch",
            body={"requests": requests},
            headers={"Prefer": "odata.continue-on-error"},
            repeatable=False,
            weight=len(requests),
            turn=turn,
        )
        answers: list[JsonObject | SyncError] = [
            self._refused("POST", one, safe=False) if one["status"] >= 400 else dict(one["body"])
            for one in answer.body["responses"]
        ]
        missing = OutcomeUnknown("answer_lost", "A batch came back without an answer for this record.")
        return answers + [missing] * (len(bodies) - len(answers))

    async def change(self, entity_set: str, record_id: str, values: JsonObject, etag: str) -> JsonObject:
        """Changes the named fields if the etag still fits; raises ChangedMeanwhile."""
        path = await self._path(odata.key(entity_set, record_id))
        answer = await self.client.request("PATCH", path, body=values, headers={"If-Match": etag or "*"})
        return dict(answer.body)

    async def remove(self, entity_set: str, record_id: str, etag: str) -> None:
        """Deletes a record if the etag still fits; one that is already gone is success."""
        path = await self._path(odata.key(entity_set, record_id))
        try:
            await self.client.request("DELETE", path, headers={"If-Match": etag or "*"})
        except NotFound:
            return

    async def fill(self, entity_set: str, record_id: str, name: str, content: Content) -> None:
        """Writes a file whatever its etag: the same content written twice is the same file."""
        path = f"{await self._path(odata.key(entity_set, record_id))}/{name}"
        await self.client.request("PATCH", path, body=content, headers={"If-Match": "*"})

    async def act(self, entity_set: str, record_id: str, action: str) -> None:
        """Runs a bound action; a lost answer is OutcomeUnknown."""
        await self.client.request("POST", f"{await self._path(odata.key(entity_set, record_id))}/{action}")

    async def ledger_of_entries(self, entries: Sequence[int]) -> list[JsonObject]:
        """Detailed rows of the named customer ledger entries."""
        rows: list[JsonObject] = []
        for start in range(0, len(entries), ENTRIES_PER_FILTER):
            some = entries[start : start + ENTRIES_PER_FILTER]
            rows += await self._ledger("cleEntryNo", partial(odata.any_number, numbers=some))
        return rows

    async def ledger_of_document(self, number: str) -> list[JsonObject]:
        """Detailed rows that carry a document number."""
        return await self._ledger("dcleDocumentNo", lambda field: odata.all_equal({field: number}))

    async def ledger_after(self, entry: int) -> list[JsonObject]:
        """Detailed rows numbered above ``entry``."""
        return await self._ledger("dcleEntryNo", partial(odata.greater, number=int(entry)))

    async def ledger(self, select: Sequence[str]) -> AsyncIterator[list[JsonObject]]:
        """The named fields of all detailed rows, page by page; the published pages give every field they have."""
        pages = LedgerPages(self._published)
        async for page in self._from_ledger({"$select": ",".join(select)}, pages.every_row):
            yield page

    async def _ledger(self, field: str, condition: Condition) -> list[JsonObject]:
        pages = LedgerPages(self._published)
        found = self._from_ledger({"$filter": condition(field)}, lambda: pages.rows(field, condition))
        return [row async for page in found for row in page]

    async def _from_ledger(
        self, query: Mapping[str, str], pages: Callable[[], AsyncIterator[list[JsonObject]]]
    ) -> AsyncIterator[list[JsonObject]]:
        """The analytics API by ``query``, else the published ``pages``; what answered once is asked first."""
        for route in sorted((*ANALYTICS, PAGES), key=lambda route: route != self._ledger_route):
            path = await self._path("customerLedgerEntries", route)
            begun = False
            try:
                async for page in pages() if route == PAGES else self._pages(path, query):
                    begun, self._ledger_route = True, route
                    yield page
            except NotFound:
                if begun:
                    # Another route would give from the start what was given already.
                    raise
                continue
            return
        raise StopConnection(
            "analytics_absent",
            "Business Central offers neither the analytics API nor the published ledger pages, so payments cannot be "
            "read.",
            todo="Install the Power BI connector app (26 or newer) and give Power BI Core Basic, or publish both pages.",
        )

    async def _published(self, service: str, options: Mapping[str, str]) -> AsyncIterator[list[JsonObject]]:
        async for page in self._pages(await self._service_path(service), options):
            yield page

    async def _service_path(self, service: str) -> str:
        return f"{PAGES}/Company('{quote(await self._company_name())}')/{service}"

    async def reference(self, entity_set: str) -> list[JsonObject]:
        """All rows of a small set, at most ten minutes old."""
        return await self._list(entity_set, REFERENCE_SECONDS)

    async def refresh(self, entity_set: str) -> list[JsonObject]:
        """The rows read anew, at most once a minute."""
        return await self._list(entity_set, REFRESH_SECONDS)

    async def _list(self, entity_set: str, seconds: float) -> list[JsonObject]:
        """The rows, at most so old; of many that find them too old at once, one reads for all."""
        async with self._list_locks.setdefault(entity_set, asyncio.Lock()):
            known = self._lists.get(entity_set)
            if known and known[0] + seconds > time.monotonic():
                return known[1]
            return await self._load(entity_set)

    async def _load(self, entity_set: str) -> list[JsonObject]:
        rows = [row async for page in self.scan(entity_set) for row in page]
        self._lists[entity_set] = (time.monotonic(), rows)
        return rows

    async def add_dimension_value(self, dimension: str, code: str, name: str) -> bool:
        """Through the published page; a value that is there already is success."""
        body = {"Dimension_Code": dimension, "Code": code, "Name": name[:NAME_LENGTH]}
        path = await self._service_path(DIMENSION_VALUES_PAGE)
        try:
            await self.client.request("POST", path, body=body)
        except NotFound:
            return False
        except AlreadyExists:
            return True
        self._lists.pop("dimensionValues", None)
        return True

    async def _company_name(self) -> str:
        """The name that addresses the company's published pages; names can change, so it is read with its id."""
        await self._company_path()
        return self._company_name_read

    async def subscriptions(self) -> list[JsonObject]:
        """The webhook subscriptions of the environment; the set is not below a company."""
        return [row async for page in self._pages(f"{API}/subscriptions", {}) for row in page]

    async def resource_of(self, entity_set: str) -> str:
        """The resource text of a set of this company."""
        return f"/{API}/{await self._company_path()}/{entity_set}"

    async def subscribe(self, entity_set: str, url: str, client_state: str) -> None:
        """Asks for notifications; Business Central calls the url within this call."""
        body = {
            "notificationUrl": url,
            "resource": await self.resource_of(entity_set),
            "clientState": client_state,
        }
        await self.client.request("POST", f"{API}/subscriptions", body=body)

    async def renew_subscription(self, subscription: JsonObject, client_state: str) -> None:
        """Extends a subscription; raises NotFound when it is gone."""
        body = {
            "notificationUrl": subscription["notificationUrl"],
            "resource": subscription["resource"],
            "clientState": client_state,
        }
        await self.client.request("PATCH", _subscription(subscription), body=body, headers={"If-Match": "*"})

    async def unsubscribe(self, subscription: JsonObject) -> None:
        """Ends a subscription; one that is already gone is success."""
        try:
            await self.client.request("DELETE", _subscription(subscription), headers={"If-Match": "*"})
        except NotFound:
            return


def _subscription(row: JsonObject) -> str:
    return f"{API}/subscriptions({quote(odata.text(str(row['subscriptionId'])))})"
