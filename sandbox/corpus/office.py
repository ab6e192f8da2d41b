"""The people of the corpus: they set up both systems, enter documents, and look at what became of them."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sandbox.corpus.documents import ABSENT_CURRENCY, MODES, UNKNOWN_CURRENCY, Document, documents
from sandbox.corpus.oracle import CAP, expected
from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from tests.conformance.world import World

ROUNDING_ACCOUNT: Final = "81900"
ITEMS: Final = 6
AT_ONCE: Final = 60
"""Documents that are closed before their hints are handled."""
PARALLEL: Final = 4
DUPLICATED: Final = 0.15
"""The share of documents whose hint arrives more than once."""
UNLIMITED: Final = 1_000_000_000

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a document: ``cause`` of its hold, ``posted`` documents under its number, how often posted."""

    document: Document
    number: str
    expected: str
    cause: str
    explained: bool
    connectwise: Decimal
    posted: tuple[Json, ...]
    postings: int
    batches: int

    @property
    def business_central(self) -> Decimal:
        """The sum of what was posted under its number."""
        return sum((one["totalAmountIncludingTax"] for one in self.posted), Decimal("0.00"))

    @property
    def difference(self) -> Decimal:
        """What ConnectWise bills less what Business Central posted; a document that is held has none."""
        return Decimal("0.00") if self.cause else self.connectwise - self.business_central

    @property
    def problem(self) -> str:
        """What is wrong with it, empty when it ended as it must."""
        if self.cause != self.expected:
            return f"expected {self.expected or 'posted'}, found {self.cause or 'posted'}"
        if self.cause:
            if self.posted or self.postings or self.batches:
                return "held, but posted or batched"
            return "" if self.explained else "held without a reason or without what to do"
        if len(self.posted) != 1 or self.postings != 1:
            return f"posted {self.postings} times, {len(self.posted)} documents"
        if self.batches != 1:
            return f"in {self.batches} batches"
        return f"differs by {self.difference}" if self.difference else ""


class Office:
    """Everything that a run of the corpus needs, in a world of its own."""

    def __init__(self, world: World, say: Say) -> None:
        self.world, self.say = world, say
        self.items: list[int] = []
        self.payers: dict[bool, int] = {}
        self.currencies: dict[str, int] = {}
        self.entered: dict[int, Document] = {}

    async def open(self) -> None:
        """Sets up currencies, items and two customers; the prices of one of them include tax."""
        world = self.world
        await world.bc("settings", {"request_limit": UNLIMITED})
        for code in (UNKNOWN_CURRENCY, ABSENT_CURRENCY):
            signs = {
                "symbol": code,
                "decimalSeparator": ".",
                "thousandsSeparator": ",",
                "numberOfDecimals": 2,
            }
            await world.cw("currencies", {"currencyIdentifier": code, "name": code, **signs})
        rows = world.cw_records("Finance.Currency")
        self.currencies = {row["currencyIdentifier"]: row["id"] for row in rows}
        await world.bc("delete", {"set": "currencies", "key": ABSENT_CURRENCY})
        for inclusive in (False, True):
            name = "Gross" if inclusive else "Net"
            company = await world.cw("companies", {"identifier": name, "name": f"{name} Ltd"})
            self.payers[inclusive] = int(company["id"])
            await world.sync("company", str(company["id"]))
        number = world.cw_record("Company", str(self.payers[True]))["accountNumber"]
        included = {"pricesIncludeTax": True}
        await world.bc("edit", {"set": "customers", "key": number, "hidden": included})
        for at in range(1, ITEMS + 1):
            values = {
                "identifier": f"PART-{at}",
                "description": f"Part {at}",
                "customerDescription": "A part",
            }
            kinds = {"subcategory": {"name": "Parts"}, "type": {"name": "Hardware"}, "price": Decimal(at)}
            item = await world.cw("items", {**values, **kinds})
            self.items.append(int(item["id"]))
            await world.sync("catalog_item", str(item["id"]))

    async def process(self, count: int, seed: int) -> list[Result]:
        """Enters the documents, mode by mode, lets the engine work, and reads both systems."""
        made, chance = documents(count, seed, self.items), random.Random(seed)
        for mode in MODES:
            pennies = {"penny_cap": CAP, "rounding_account": ROUNDING_ACCOUNT}
            options = dumps({"options": {"tax_mode": mode, **pennies}})
            await self.world.app.connection_desk.save(DEFAULT, options)
            mine = [one for one in made if one.mode == mode]
            for start in range(0, len(mine), AT_ONCE):
                await self._handle(mine[start : start + AT_ONCE], chance)
            self.say(f"{len(mine)} documents, tax mode {mode}")
        return await self.results()

    async def _handle(self, some: Sequence[Document], chance: random.Random) -> None:
        records = [await self._enter(one) for one in some]
        hints = [*records, *(record for record in records if chance.random() < DUPLICATED)]
        chance.shuffle(hints)
        limit = asyncio.Semaphore(PARALLEL)

        async def deliver(record: int) -> None:
            async with limit:
                await self.world.deliver(self.world.envelope("invoice", str(record)))

        await asyncio.gather(*map(deliver, hints))
        await self.world.drain()

    async def _enter(self, document: Document) -> int:
        body = {
            "type": document.type,
            "company": {"id": self.payers[document.inclusive]},
            "currency": {"id": self.currencies[document.currency]},
            "date": f"{document.date}T00:00:00Z",
            "lines": list(document.lines),
        }
        record = int((await self.world.cw("invoices", body))["id"])
        await self.world.cw(f"invoices/{record}/close", {"glMapping": document.mapped})
        self.entered[record] = document
        return record

    async def results(self) -> list[Result]:
        """What became of every document, read from both stand-ins and the work list."""
        world = self.world
        posted: defaultdict[str, list[Json]] = defaultdict(list)
        for kind in ("salesInvoices", "salesCreditMemos"):
            for row in world.bc_records(kind):
                if row["status"] != "Draft":
                    posted[row["externalDocumentNumber"]].append(row)
        batches: defaultdict[str, int] = defaultdict(int)
        for row in world.cw_records("AccountingBatch"):
            batches[row["batchIdentifier"].rpartition("-I")[2]] += 1
        held = {int(item.ref.id): item for item in await world.app.desk.work(DEFAULT)}
        postings = world.business_central.environment.postings
        found = []
        for source in world.cw_records("Invoice"):
            item, number = held.get(source["id"]), source["invoiceNumber"]
            document = self.entered[source["id"]]
            found.append(
                Result(
                    document=document,
                    number=number,
                    expected=expected(document),
                    cause=item.cause if item else "",
                    explained=bool(item and item.reason and item.todo),
                    connectwise=source["total"] * (-1 if source["type"] == "CreditMemo" else 1),
                    posted=tuple(posted[number]),
                    postings=postings[number],
                    batches=batches[number],
                )
            )
        return found
