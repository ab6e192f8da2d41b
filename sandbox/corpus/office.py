"""The people of the corpus: they set up both systems, enter documents, and look at what became of them."""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sandbox.corpus.buying import Buying
from sandbox.corpus.claims import Part
from sandbox.corpus.delivery import Delivery, Held
from sandbox.corpus.documents import (
    ABSENT_CURRENCY,
    CREDIT_MEMO,
    MODES,
    UNKNOWN_CURRENCY,
    Document,
    documents,
)
from sandbox.corpus.oracle import CAP, expected
from sandbox.corpus.spending import Spending
from sandbox.kit import Json, dumps
from shared.app import DEFAULT
from tests.conformance.world import World

ROUNDING_ACCOUNT: Final = "81900"
ITEMS: Final = 6
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
    def mode(self) -> str:
        """The tax mode."""
        return self.document.mode

    @property
    def kind(self) -> str:
        """The kind of document."""
        return "credit memos" if self.document.type == CREDIT_MEMO else "invoices"

    @property
    def currency(self) -> str:
        """The currency it is billed in."""
        return self.document.currency

    @property
    def case(self) -> str:
        """What is awkward about it."""
        return self.document.case

    @property
    def label(self) -> str:
        """What it is, for a person who reads of a problem."""
        return f"{self.mode}, {self.document.type}, {self.case}"

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
        self.delivery = Delivery(world)
        self.spending = Spending(world, self.delivery, self.currencies)
        self.buying = Buying(world, self.delivery, self.currencies)

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
        self.currencies |= {row["currencyIdentifier"]: row["id"] for row in rows}
        await world.bc("delete", {"set": "currencies", "key": ABSENT_CURRENCY})
        await self.spending.open()
        await self.buying.open()
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

    async def process(self, count: int, seed: int) -> list[Result | Part]:
        """Enters the documents, kind by kind and mode by mode, lets the engine work, and reads both systems."""
        share = count // 10
        await self._bill(count - 2 * share, seed)
        await self.spending.process(share, seed)
        self.say(f"{share} expense reports")
        await self.buying.process(share, seed)
        self.say(f"{share} purchase orders")
        held = await Held.read(self.world)
        return [*self.results(held), *self.spending.parts(held), *self.buying.parts(held)]

    @property
    def records(self) -> int:
        """How many documents were entered."""
        return len(self.entered) + len(self.spending.entered) + len(self.buying.entered)

    async def _bill(self, count: int, seed: int) -> None:
        made, chance = documents(count, seed, self.items), random.Random(seed)
        for mode in MODES:
            pennies = {"penny_cap": CAP, "rounding_account": ROUNDING_ACCOUNT}
            options = dumps({"options": {"tax_mode": mode, **pennies}})
            await self.world.app.connection_desk.save(DEFAULT, options)
            mine = [one for one in made if one.mode == mode]
            for some in self.delivery.portions(mine):
                records = [str(await self._enter(one)) for one in some]
                await self.delivery.deliver("invoice", records, chance)
            self.say(f"{len(mine)} documents, tax mode {mode}")

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

    def results(self, held: Held) -> list[Result]:
        """What became of every invoice and credit memo, read from both stand-ins and the work list."""
        world = self.world
        posted: defaultdict[str, list[Json]] = defaultdict(list)
        for kind in ("salesInvoices", "salesCreditMemos"):
            for row in world.bc_records(kind):
                if row["status"] != "Draft":
                    posted[row["externalDocumentNumber"]].append(row)
        batches: defaultdict[str, int] = defaultdict(int)
        for row in world.cw_records("AccountingBatch"):
            batches[row["batchIdentifier"].rpartition("-I")[2]] += 1
        postings = world.business_central.environment.postings
        found = []
        for source in world.cw_records("Invoice"):
            document, number = self.entered[source["id"]], source["invoiceNumber"]
            entity = "credit_memo" if document.type == CREDIT_MEMO else "sales_invoice"
            cause, explained = held.of("invoice", str(source["id"]), entity)
            found.append(
                Result(
                    document=document,
                    number=number,
                    expected=expected(document),
                    cause=cause,
                    explained=explained,
                    connectwise=source["total"] * (-1 if source["type"] == "CreditMemo" else 1),
                    posted=tuple(posted[number]),
                    postings=postings[number],
                    batches=batches[number],
                )
            )
        return found
