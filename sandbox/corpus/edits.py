"""Edits in both systems in random order, with callbacks that get lost or come twice, until everything rests.

Every change of ours makes both systems tell us of it (nothing is suppressed), so an edit that went to and fro would
show as writes that never end.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.envelope import ON_DEMAND, Envelope
from shared.engine.entity import VERIFY
from tests.conformance.invoicing import Invoicing
from tests.conformance.timing import Delivery
from tests.conformance.traffic import Traffic
from tests.conformance.world import World

COMPANIES: Final = 8
LOST: Final = 0.3
REPLAYED: Final = 0.2
RESTING: Final = 0.35
"""How often everything comes to rest after an edit; else the next edit meets hints that are still under way."""
SWEPT_EVERY: Final = 25
MOST_AT_ONCE: Final = 12
SUBJECTS: Final = ("company", "invoice", "settlement")
FIELDS: Final = {
    "city": "city",
    "addressLine1": "addressLine1",
    "zip": "postalCode",
    "phoneNumber": "phoneNumber",
    "invoiceToEmailAddress": "email",
}
"""What is edited of a company, and where it stands on the customer."""
WRITES: Final = {"company": 2, "by hand": 0, "invoice": 4, "payment": 2, "applied invoice": 2, "unapplied": 2}
"""The most writes that an edit may cause. A change of a customer that somebody edited meanwhile is refused once."""
CALLS: Final = {
    "company": 5,
    "by hand": 0,
    "invoice": 12,
    "payment": 12,
    "applied invoice": 14,
    "unapplied": 12,
}
"""The most calls that an edit may cause, writes and what our own writes make both systems tell us included."""
CALLS_PER_REPLAY: Final = 1
"""A callback that comes again costs the look that finds nothing changed."""
CALLS_PER_SWEEP: Final = 4
"""A sweep of one subject: one page of each list that it reads."""


class CountingWorld(World):
    """A world that counts the messages that were handled."""

    handled = 0

    async def _deliver(self, delivery: Delivery) -> None:
        self.handled += 1
        await super()._deliver(delivery)


@dataclass(slots=True)
class Round:
    """What a stretch of edits cost."""

    kinds: Counter[str] = field(default_factory=Counter)
    sweeps: int = 0
    messages: int = 0
    lost: int = 0
    replayed: int = 0
    calls: int = 0
    writes: int = 0

    @property
    def edits(self) -> int:
        """How many edits were made."""
        return self.kinds.total()

    @property
    def most_writes(self) -> int:
        """The bound of the writes."""
        return sum(WRITES[kind] * count for kind, count in self.kinds.items())

    @property
    def most_calls(self) -> int:
        """The bound of the calls."""
        edits = sum(CALLS[kind] * count for kind, count in self.kinds.items())
        return edits + CALLS_PER_REPLAY * self.replayed + CALLS_PER_SWEEP * self.sweeps

    @property
    def excess(self) -> list[str]:
        """Which bounds were exceeded; none when nothing went to and fro."""
        bounds = {"writes": (self.writes, self.most_writes), "calls": (self.calls, self.most_calls)}
        return [f"{found} {name}, {most} at most" for name, (found, most) in bounds.items() if found > most]


class Commotion:
    """People who edit all at once."""

    def __init__(self, world: CountingWorld, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.work = Invoicing(world)
        self.companies: list[str] = []
        self.invoices: list[str] = []
        self.payments: list[str] = []
        self.by_hand: dict[tuple[str, str], str] = {}
        self.round = Round()
        self.traffic: Traffic
        self._number = 0

    async def open(self) -> None:
        """Makes companies and an item, with hooks that suppress nothing; counting begins here."""
        await self.world.bc("settings", {"request_limit": 1_000_000_000})
        await self.work.open()
        self.companies = [self.work.payer]
        for number in range(1, COMPANIES):
            self.companies.append(await self.work.company(f"Company{number}"))
            await self.world.sync("company", self.companies[-1])
        await self.world.register_hooks()
        await self.world.rest()
        await self._sweep()
        self.round, self.traffic, self.world.handled = Round(), self.world.traffic(), 0

    async def all_rounds(self, edits: int, say: Callable[[str], None]) -> tuple[list[str], dict[str, Round]]:
        """The edits, a quiet round, a comparison of every company, a quiet round; what went wrong, and the costs."""
        rounds = {"edits": await self.play(edits)}
        say(f"{edits} edits")
        found = [*await self.differences(), *rounds["edits"].excess]
        rounds["quiet"] = await self.quiet()
        await self.verify()
        rounds["quiet again"] = await self.quiet()
        say("everything rests")
        found += await self.differences()
        for name in ("quiet", "quiet again"):
            found += [f"{name}: {text}" for text in rounds[name].excess]
        return found, rounds

    async def play(self, edits: int) -> Round:
        """Makes the edits, then sweeps until everything rests; returns what it cost."""
        actions: dict[Callable[[], Awaitable[str]], int] = {
            self._edit_company: 30,
            self._edit_by_hand: 15,
            self._bill: 12,
            self._pay: 20,
            self._apply_invoice: 5,
            self._unapply: 10,
        }
        while self.round.edits < edits:
            self.world.connectwise.settings.lose_callbacks = lost = self.chance.random() < LOST
            [act] = self.chance.choices([*actions], [*actions.values()])
            kind = await act()
            self.world.connectwise.settings.lose_callbacks = False
            if not kind:
                continue
            self.round.kinds[kind] += 1
            self.round.lost += lost
            if self.chance.random() < REPLAYED:
                self._replay(3)
            if self.chance.random() < RESTING or self.round.edits % MOST_AT_ONCE == 0:
                await self.world.rest()
            if self.round.edits % SWEPT_EVERY == 0:
                await self._sweep()
        await self._sweep()
        return self._counted()

    async def quiet(self) -> Round:
        """Sweeps and repeats old callbacks while nobody edits anything; returns what it cost."""
        before, self.round = self.round, Round()
        self.traffic, self.world.handled = self.world.traffic(), 0
        for _ in range(3):
            self._replay(20)
            await self.world.rest()
            await self._sweep()
        quiet, self.round = self._counted(), before
        return quiet

    async def verify(self) -> None:
        """Has every company compared with its customer as it is, which overwrites what was edited by hand."""
        for record in self.companies:
            hint = Envelope(
                DEFAULT, "company", record, ON_DEMAND, self.world.clock.now(), options={VERIFY: True}
            )
            await self.world.deliver(hint)
        await self.world.rest()
        self.by_hand.clear()

    def _counted(self) -> Round:
        self.round.calls, self.round.writes = self.traffic.calls, self.traffic.writes
        self.round.messages = self.world.handled
        return self.round

    def _replay(self, most: int) -> None:
        log = list(self.world.connectwise.callbacks.log)
        some = self.chance.sample(log, min(len(log), self.chance.randint(1, most)))
        self.round.replayed += self.world.connectwise.callbacks.replay(some)

    async def _sweep(self) -> None:
        for subject in SUBJECTS:
            await self.world.rest()
            await self.world.app.queue.send_sweep(self.world.envelope(subject, "*", "timer"))
            self.round.sweeps += 1
        await self.world.rest()

    # The edits. Each returns its kind, or an empty text when there was nothing to edit.

    def _value(self, name: str, who: str) -> str:
        """A value that was never there before, so that what remains tells who wrote it last."""
        self._number += 1
        number = f"{self._number:05d}"
        special = {"zip": number, "phoneNumber": f"555 {number}"}
        return special.get(name) or (f"{who}{number}@edit.example" if "mail" in name else f"{who} {number}")

    async def _edit_company(self) -> str:
        record, name = self.chance.choice(self.companies), self.chance.choice([*FIELDS])
        await self.world.cw(f"companies/{record}", {name: self._value(name, "ConnectWise")})
        return "company"

    async def _edit_by_hand(self) -> str:
        record, name = (
            self.chance.choice(self.companies),
            self.chance.choice(["city", "addressLine1", "email"]),
        )
        value = self._value(name, "Hand")
        number = self.world.cw_record("Company", record)["accountNumber"]
        await self.world.bc("edit", {"set": "customers", "key": number, "values": {name: value}})
        self.by_hand[record, name] = value
        return "by hand"

    async def _bill(self) -> str:
        payer = self.chance.choice(self.companies)
        price = Decimal(self.chance.randint(100, 999_999)).scaleb(-3)
        lines = [self.work.item_line(self.chance.randint(1, 9), str(price))]
        self.invoices.append(await self.work.invoice(lines, payer=payer))
        return "invoice"

    async def _pay(self) -> str:
        document = self._open_document()
        if document is None:
            return ""
        paid = self._part(document)
        number = self._payment_number()
        applied = {"documentNumber": document["number"], "amount": paid}
        await self._post(document, number, paid, [applied])
        return "payment"

    async def _apply_invoice(self) -> str:
        """Posts a payment, and applies the invoice to it instead of the other way round."""
        document = self._open_document()
        if document is None:
            return ""
        paid, number = self._part(document), self._payment_number()
        await self._post(document, number, paid, [])
        applications = [{"documentNumber": number, "amount": paid}]
        await self.world.bc(
            "ledger/apply", {"documentNumber": document["number"], "applications": applications}
        )
        self.payments.remove(number)
        return "applied invoice"

    async def _unapply(self) -> str:
        if not self.payments:
            return ""
        number = self.chance.choice(self.payments)
        self.payments.remove(number)
        await self.world.bc("ledger/unapply", {"documentNumber": number})
        return "unapplied"

    def _open_document(self) -> Json | None:
        found = self.world.bc_records("salesInvoices", status="Open")
        rows = [row for row in found if row["remainingAmount"]]
        return self.chance.choice(rows) if rows else None

    def _part(self, document: Json) -> Decimal:
        remaining = Decimal(document["remainingAmount"])
        if self.chance.random() < 0.4:
            return remaining
        return Decimal(self.chance.randint(1, int(remaining * 100))).scaleb(-2)

    def _payment_number(self) -> str:
        self._number += 1
        self.payments.append(f"P{self._number}")
        return self.payments[-1]

    async def _post(self, document: Json, number: str, paid: Decimal, applied: list[Any]) -> None:
        body = {"customerNumber": document["billToCustomerNumber"], "amount": paid, "documentNumber": number}
        await self.world.bc("ledger/post", {**body, "applications": applied})

    # What must be true when everything rests.

    async def differences(self) -> list[str]:
        """What the two systems do not agree on, one sentence each."""
        found = [
            f"{item.entity} {item.ref.id}: {item.reason}" for item in await self.world.app.desk.work(DEFAULT)
        ]
        for record in self.companies:
            found += self._of_company(record)
        for record in self.invoices:
            found += self._of_invoice(record)
        return [*found, *map(str, self.world.breaches)]

    def _of_company(self, record: str) -> list[str]:
        source = self.world.cw_record("Company", record)
        customers = self.world.bc_records("customers", number=source["accountNumber"])
        if len(customers) != 1:
            return [f"company {record} has {len(customers)} customers"]
        return [
            f"company {record}: {name} is {source[name]!r}, the customer's {customers[0][field_name]!r}"
            for name, field_name in FIELDS.items()
            if source.get(name)
            and customers[0][field_name] not in (source[name], self.by_hand.get((record, field_name)))
        ]

    def _of_invoice(self, record: str) -> list[str]:
        source, rows = self.work.source(record), self.work.documents(record)
        if len(rows) != 1 or self.work.postings(record) != 1 or len(self.work.batches(record)) != 1:
            return [f"invoice {record} was posted {self.work.postings(record)} times"]
        document, paid = rows[0], sum((row["amount"] for row in self.work.payments(record)), Decimal(0))
        remaining = document["remainingAmount"]
        facts = {
            "total": (source["total"], document["totalAmountIncludingTax"]),
            "balance": (source["balance"], remaining),
            "payments": (paid, document["totalAmountIncludingTax"] - remaining),
            "line in the notes": (source["internalNotes"].count("[Business Central "), 1),
        }
        return [f"invoice {record}: {name} {a} and {b}" for name, (a, b) in facts.items() if a != b]
