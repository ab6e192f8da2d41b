"""A world with two companies of Business Central and two ConnectWise sites behind one app."""

from collections import Counter
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any, Final

from sandbox.azurite import Azurite
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.business_central.store import Company
from sandbox.connectwise.app import ConnectWise
from sandbox.connectwise.app import create as create_connectwise
from sandbox.connectwise.service import BASE
from sandbox.kit import Json, dumps, loads
from sandbox.stage import CLIENT_ID
from shared.app import App
from shared.ports.storage import OpenItem
from tests.conformance.pairs import Pairs
from tests.conformance.reference import missing_rows
from tests.conformance.world import World
from tests.sandbox.business_central_support import KEY, serving

SERVICES: Final = "Northwind Services"
DEVICES: Final = "Northwind Devices"
SHARED: Final = ("company", "catalog_item", "project", "agreement", "member", "expense_report")
"""Subjects without a choice in these tests; expense reports are documents and have a rule instead."""


def at_location(number: int) -> Json:
    """The rule for documents of one location."""
    return {"path": "locationId", "is": number}


def rules(location: int, **others: Json) -> Json:
    """Master data shared, documents by location."""
    shared = {subject: "shared" for subject in SHARED if subject != "expense_report"}
    return {**shared, "invoice": at_location(location), **others}


class Companies(World):
    """The world of ``default`` (Northwind Services), with everything that a second company and site need."""

    def __init__(self, azurite: Azurite, pairs: Pairs | None = None) -> None:
        super().__init__(azurite, pairs)
        self.north: ConnectWise = create_connectwise("north", "north-public", "north-private", CLIENT_ID)
        self.north_url = ""
        self.settings = {
            "DEVICES__CONNECTWISE_PUBLIC_KEY": "public",
            "DEVICES__CONNECTWISE_PRIVATE_KEY": "private",
            "DEVICES__BUSINESS_CENTRAL_PASSWORD": KEY,
            "NORTH__CONNECTWISE_PUBLIC_KEY": "north-public",
            "NORTH__CONNECTWISE_PRIVATE_KEY": "north-private",
            "NORTH__BUSINESS_CENTRAL_PASSWORD": KEY,
        }

    async def open(self, stack: AsyncExitStack) -> None:
        """Serves both sites and Business Central, whose second company is set up as the first."""
        self.north_url = await stack.enter_async_context(serving(self.north.app))
        await super().open(stack)
        for entity_set, records in missing_rows(self.books(DEVICES)):
            await self.bc("records", {"company": DEVICES, "set": entity_set, "records": records})

    async def beside(self) -> App:
        """Starts a second process and returns the first one, which runs on with what it knows."""
        first = self.app
        queues = [queue.client for queue in self._queues.values()]
        await self._start()
        assert first.http is not None
        assert first.storage is not None
        self._stack.push_async_callback(first.http.aclose)
        for queue in queues:
            self._stack.push_async_callback(queue.close)
        for table in (first.storage.records, first.storage.state):
            self._stack.push_async_callback(table.close)
        return first

    def document(self, *, site: str = "default", **values: Json) -> Json:
        """A document that leads to Northwind Devices."""
        north = site == "north"
        url = self.north_url if north else self.connectwise_url
        return {
            "site": site,
            "connectwise": {
                "url": f"{url}{BASE}",
                "company": "north" if north else "acme",
                "client_id": CLIENT_ID,
            },
            "business_central": {
                "url": self.business_central_url,
                "company": DEVICES,
                "auth": "basic",
                "username": DEFAULT_USER,
            },
            **values,
        }

    async def put(self, name: str, document: Json) -> Json:
        """Stores a connection as the route does."""
        return await self.app.connection_desk.save(name, dumps(document))

    async def split(self) -> None:
        """Location 1 belongs to Northwind Services, location 2 to Northwind Devices."""
        await self.put("default", {"routing": rules(1)})
        await self.put("devices", self.document(routing=rules(2)))

    def books(self, name: str) -> Company:
        """One company of Business Central."""
        company = self.business_central.environment.store.company(name)
        assert company is not None
        return company

    def rows_in(self, name: str, entity_set: str) -> list[Json]:
        """The records of a set in one company."""
        return [record.values for record in self.books(name).all(entity_set)]

    def invoices_in(self, name: str) -> Counter[str]:
        """How many sales invoices one company has under each ConnectWise number, drafts included."""
        return Counter(row["externalDocumentNumber"] for row in self.rows_in(name, "salesInvoices"))

    def number(self, invoice: str) -> str:
        """The ConnectWise number of an invoice."""
        return str(self.cw_record("Invoice", invoice)["invoiceNumber"])

    async def buyer(self, name: str, **values: Json) -> str:
        """A company that buys."""
        return str((await self.cw("companies", {"identifier": name, "name": f"{name} Inc", **values}))["id"])

    async def bill(
        self,
        company: str,
        location: int,
        amount: str = "120.00",
        *,
        kind: str = "Miscellaneous",
        **values: Json,
    ) -> str:
        """A closed invoice of one location."""
        line = {"kind": "service", "amount": Decimal(amount), "description": "Work"}
        body = {"company": {"id": int(company)}, "lines": [line], "locationId": location, "type": kind}
        record = str((await self.cw("invoices", body | values))["id"])
        await self.cw(f"invoices/{record}/close")
        return record

    async def agreement_of(self, company: str) -> Json:
        """What ties a document to a new agreement of the company."""
        await self.cw("contacts", {"firstName": "Kim", "company": {"id": int(company)}})
        body = {"name": "Care", "company": {"id": int(company)}, "startDate": "2026-01-01T00:00:00Z"}
        number = (await self.cw("agreements", body))["id"]
        return {"agreement": {"id": number}, "applyToType": "Agreement", "applyToId": number}

    async def held(self, connection: str) -> list[OpenItem]:
        """What a person must look at in one connection."""
        return await self.app.desk.work(connection, state="held")

    async def open_everywhere(self) -> list[OpenItem]:
        """What is open in any connection."""
        names = await self.app.connections.names()
        return [item for name in names for item in await self.app.desk.work(name)]

    async def stored_text(self) -> str:
        """Everything that the product keeps in its tables, as one text."""
        storage = self.app.storage
        assert storage is not None
        found: list[dict[str, Any]] = []
        for table in (storage.records, storage.state):
            found += [dict(row) async for row in table.list_entities()]
        return str(found)

    async def in_north(self, path: str, body: Json = None) -> Json:
        """Does at the second site what a person does there."""
        answer = await self.http.post(
            f"{self.north_url}/admin/{path}", content=dumps(body if body is not None else {})
        )
        assert answer.is_success, answer.text
        return loads(answer.content)

    async def north_rest(self) -> None:
        """Handles everything until the second site has nothing to tell either."""
        await self._settled(self.north_url, "callbacks/pending")
        await self.rest()

    async def run_one(self) -> None:
        """Handles the one message that is due first."""
        await self._deliver(min(await self._deliveries()))
