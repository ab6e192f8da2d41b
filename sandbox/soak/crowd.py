"""Who makes the events: people who change companies and items and bill, and ConnectWise that repeats itself."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sandbox.kit import Fault
from sandbox.stage import Stage
from tests.conformance.reference import missing_rows

type Record = dict[str, Any]

COMPANIES: Final = 200
ITEMS: Final = 80
UNLIMITED: Final = 1_000_000_000
KINDS: Final = {"company": 70, "item": 20, "repeated": 9, "invoice": 1}
"""How often each kind of event is drawn, in percent."""
FAULTS: Final = (
    Fault("status", status=503, rate=0.02),
    Fault("reset", rate=0.01),
    Fault("lost", rate=0.01),
    Fault("cut", rate=0.005),
    Fault("badjson", rate=0.005),
)
"""Together 5 % of the calls of both systems."""


class Crowd:
    """Makes events and remembers what each record must be in the end."""

    def __init__(self, stage: Stage, seed: int, *, companies: int = COMPANIES, items: int = ITEMS) -> None:
        self.stage, self.chance = stage, random.Random(seed)
        self._sizes = companies, items
        self.companies: list[int] = []
        self.items: list[int] = []
        self.invoices: list[int] = []
        self.events: Counter[str] = Counter()
        self._number = 0

    async def open(self) -> None:
        """Sets up both systems, and enters the records while nothing fails."""
        await self.stage.in_business_central("settings", {"request_limit": UNLIMITED})
        for entity_set, rows in missing_rows(self.stage.business_central.company):
            await self.stage.in_business_central("records", {"set": entity_set, "records": rows})
        for number in range(self._sizes[0]):
            body = {"identifier": f"Company{number}", "name": f"Company {number}", "city": "City 0"}
            self.companies.append((await self.stage.in_connectwise("companies", body))["id"])
        kinds = {"subcategory": {"name": "Parts"}, "type": {"name": "Hardware"}, "price": Decimal(1)}
        for number in range(self._sizes[1]):
            body = {"identifier": f"PART-{number}", "description": "Part", "customerDescription": "Part"}
            self.items.append((await self.stage.in_connectwise("items", body | kinds))["id"])

    def fail(self, *faults: Fault) -> None:
        """From now on calls to both systems fail like this; none at all mends them."""
        for stand_in in (self.stage.connectwise, self.stage.business_central):
            stand_in.faults = list(faults)

    async def event(self) -> None:
        """One event."""
        [kind] = self.chance.choices([*KINDS], [*KINDS.values()])
        self.events[kind] += 1
        self._number += 1
        match kind:
            case "company":
                record = self.chance.choice(self.companies)
                await self.stage.in_connectwise(f"companies/{record}", {"city": f"City {self._number}"})
            case "item":
                price = Decimal(self._number).scaleb(-2)
                await self.stage.in_connectwise(f"items/{self.chance.choice(self.items)}", {"price": price})
            case "repeated":
                callbacks = self.stage.connectwise.callbacks
                callbacks.replay([self.chance.choice(callbacks.log)])
            case "invoice":
                await self._bill()

    async def _bill(self) -> None:
        item, company = self.chance.choice(self.items), self.chance.choice(self.companies)
        price = Decimal(self.chance.randint(1, 90_000)).scaleb(-2)
        line = {"kind": "product", "item": {"id": item}, "quantity": 1, "unitPrice": price}
        body = {"company": {"id": company}, "date": f"{datetime.now(UTC).date()}T00:00:00Z", "lines": [line]}
        invoice = await self.stage.in_connectwise("invoices", body)
        await self.stage.in_connectwise(f"invoices/{invoice['id']}/close")
        self.invoices.append(invoice["id"])

    # What the two systems hold.

    def _rows(self, entity_set: str) -> list[Record]:
        company = next(iter(self.stage.business_central.environment.store.companies.values()))
        return [record.values for record in company.all(entity_set)]

    def lost(self) -> list[str]:
        """The records whose last event did not arrive."""
        return [*self._lost_masters(), *self._lost_invoices()]

    def _lost_masters(self) -> Iterator[str]:
        store = self.stage.connectwise.store
        customers = {row["displayName"]: row for row in self._rows("customers")}
        for record in self.companies:
            source = store.get("Company", record)
            if customers.get(source["name"], {}).get("city") != source["city"]:
                yield f"company {record}: {source['city']}"
        items = {row["number"]: row for row in self._rows("items")}
        for record in self.items:
            source = store.get("CatalogItem", record)
            if items.get(source["identifier"], {}).get("unitPrice") != source["price"]:
                yield f"item {record}: {source['price']}"

    def _lost_invoices(self) -> Iterator[str]:
        postings = self.stage.business_central.environment.postings
        for record in self.invoices:
            source = self.stage.connectwise.store.get("Invoice", record)
            if not postings[source["invoiceNumber"]] or "glBatch" not in source:
                yield f"invoice {record} is not posted and batched"

    def twice(self) -> list[str]:
        """What was made or posted more than once."""
        found = []
        for entity_set in ("customers", "items"):
            names = Counter(
                row["displayName" if entity_set == "customers" else "number"]
                for row in self._rows(entity_set)
            )
            found += [f"{entity_set} {name}: {count}" for name, count in names.items() if count > 1]
        documents = Counter(row["externalDocumentNumber"] for row in self._rows("salesInvoices"))
        for number, count in (documents + self.stage.business_central.environment.postings).items():
            if count > 2:
                found.append(f"invoice {number} was posted twice, or has two documents")
        return found
