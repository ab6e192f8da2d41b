"""The ConnectWise port over HTTP."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from shared.adapters.connectwise import conditions
from shared.adapters.files import downloaded
from shared.adapters.http import JsonClient
from shared.domain.errors import HoldForPerson, NotFound
from shared.ports.systems import AccountingKind, Content

type JsonObject = dict[str, Any]

PAGE_SIZE: Final = 1000
MOST_IDENTIFIER: Final = 50
INCLUDED: Final[dict[AccountingKind, str]] = {
    "invoices": "includedInvoiceIds",
    "expenses": "includedExpenseIds",
    "products": "includedProductIds",
}
FAR_AHEAD: Final = timedelta(days=400)
"""Invoices dated ahead are exported too; which ones travel is decided by their status."""


@dataclass(slots=True)
class ConnectWiseClient:
    """ConnectWise PSA, reading forward-only and writing bare field names."""

    client: JsonClient

    async def probe(self) -> str:
        """A sign of life: the version of ConnectWise."""
        answer = await self.client.probe("system/info")
        return str(answer.get("version", "")) if isinstance(answer, dict) else ""

    async def read(self, path: str) -> JsonObject:
        """One record by its path; raises NotFound."""
        answer = await self.client.request("GET", path)
        if not isinstance(answer.body, dict):
            raise NotFound(
                "not_found", "ConnectWise has no such record.", detail=f"GET {path}: {answer.body!r}"
            )
        return answer.body

    async def scan(
        self, path: str, *, changed_since: datetime | None = None, fields: Sequence[str] = ()
    ) -> AsyncIterator[list[JsonObject]]:
        """Pages of up to 1,000 in the order of ids; falls back to numbered pages where CW gives no next link."""
        params: dict[str, str] = {}
        if changed_since is not None:
            params["conditions"] = conditions.changed_since(changed_since)
        if fields:
            params["fields"] = ",".join(fields)
        async for page in self._scan(path, params):
            yield page

    async def _scan(self, path: str, given: Mapping[str, str]) -> AsyncIterator[list[JsonObject]]:
        params = {"pageSize": str(PAGE_SIZE), **given}
        page_id: str | None = None
        while True:
            forward = params | ({"pageId": page_id} if page_id else {})
            answer = await self.client.request(
                "GET", path, params=forward, headers={"pagination-type": "forward-only"}
            )
            rows: list[JsonObject] = answer.body or []
            if rows:
                yield rows
            following = _next_page_id(answer.headers.get("Link", ""))
            if len(rows) < PAGE_SIZE:
                return
            page_id = following or str(rows[-1]["id"])

    async def create(self, path: str, body: JsonObject) -> JsonObject:
        """Adds a record and returns it as stored."""
        answer = await self.client.request("POST", path, body=body)
        return dict(answer.body or {})

    async def change(self, path: str, values: Mapping[str, Any]) -> JsonObject:
        """Replaces whole top-level fields and reads back: ConnectWise may answer 200 and change nothing."""
        operations = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
        answer = await self.client.request("PATCH", path, body=operations)
        stored = dict(answer.body or {})
        ignored = [name for name, value in values.items() if name in stored and stored[name] != value]
        if ignored:
            raise HoldForPerson(
                "change_ignored",
                f"ConnectWise accepted a change of {', '.join(ignored)} but did not keep it.",
                todo="Check the API member's rights and the field's setup in ConnectWise; then retry.",
                detail=f"PATCH {path}",
            )
        return stored

    async def remove(self, path: str) -> None:
        """Deletes a record; one that is already gone is success."""
        try:
            await self.client.request("DELETE", path)
        except NotFound:
            return

    async def select(self, path: str, equal: Mapping[str, int | bool]) -> list[JsonObject]:
        """All records whose fields equal the given values."""
        rows: list[JsonObject] = []
        async for page in self._scan(path, {"conditions": conditions.all_equal(equal)}):
            rows += page
        return rows

    async def documents(self, record_type: str, record_id: int) -> list[JsonObject]:
        """What is attached to a record."""
        of_record = {"recordType": record_type, "recordId": str(record_id)}
        return [row async for page in self._scan("system/documents", of_record) for row in page]

    def download(
        self, document: int, *, most: int, page: bool = False
    ) -> AbstractAsyncContextManager[Content]:
        """The content of a file, as it comes."""
        return downloaded(self.client, f"system/documents/{document}/download", most=most, page=page)

    async def preview_export(self, kind: AccountingKind, ids: Sequence[int | str]) -> JsonObject:
        """What the accounting interface would export for the named records; changes nothing."""
        body = {
            "batchIdentifier": f"preview-{kind}-{ids[0]}"[:MOST_IDENTIFIER],
            "glInterfaceIdentifier": "DynaConnect",
            "thruDate": f"{datetime.now(UTC) + FAR_AHEAD:%Y-%m-%dT00:00:00Z}",
            "locationId": 0,
            "summarizeInvoices": "Default",
            **_flags(kind),
            INCLUDED[kind]: list(ids),
        }
        answer = await self.client.request("POST", "finance/accounting/export", body=body, repeatable=True)
        return dict(answer.body or {})

    async def find_batch(self, identifier: str) -> JsonObject | None:
        """The accounting batch of that identifier."""
        answer = await self.client.request(
            "GET",
            "finance/accounting/batches",
            params={"conditions": conditions.equal("batchIdentifier", identifier)},
        )
        return next((row for row in answer.body or () if row["batchIdentifier"] == identifier), None)

    async def commit_batch(
        self, identifier: str, gl_interface: str, kind: AccountingKind, entry_ids: Sequence[int]
    ) -> None:
        """Marks the entries as exported in a batch of their own."""
        await self.client.request(
            "POST",
            "finance/accounting/batches",
            body={
                "batchIdentifier": identifier,
                "glInterfaceIdentifier": gl_interface,
                **_flags(kind),
                "processedRecordIds": list(entry_ids),
                "summarizeExpenses": False,
            },
        )


def _flags(kind: AccountingKind) -> dict[str, bool]:
    """Exactly one of the three may be set when a batch is made (ConnectWise API, finance/accounting/batches)."""
    return {
        "exportInvoicesFlag": kind == "invoices",
        "exportExpensesFlag": kind == "expenses",
        "exportProductsFlag": kind == "products",
    }


def _next_page_id(link: str) -> str | None:
    """The page id of a Link header's next part; its host is never followed (developer guide, Pagination)."""
    for part in link.split(","):
        url, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            values = parse_qs(urlsplit(url.strip().strip("<>")).query).get("pageId")
            return values[0] if values else None
    return None
