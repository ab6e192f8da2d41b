"""What must become of a purchase order, its receipts and bills, worked out from what was entered alone.

Nothing of the product is used: an order is followed round by round as a bookkeeper would do on paper.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sandbox.corpus.claims import ZERO, Claim
from sandbox.corpus.documents import ABSENT_CURRENCY, UNKNOWN_CURRENCY, cents
from sandbox.corpus.purchases import ALL, CLONE, Order, OrderLine, Receipt

type Position = tuple[int, Decimal]

ORDER: Final = "purchase_order"
RECEIPT: Final = "purchase_receipt"
BILL: Final = "vendor_bill"


@dataclass(slots=True)
class Paper:
    """The state of an order: what is open and received of each line, and what the product has heard of.

    ``pending`` holds the worth under each packing slip that was received and not heard of yet, ``came`` whether
    there is anything in it to receive; ``fixed`` what is on
    order when the product hears of the first receipt: after it Business Central lets nobody but a person change it.
    """

    order: Order
    open: list[int] = field(default_factory=list)
    taxes: list[Decimal] = field(default_factory=list)
    got: list[int] = field(default_factory=list)
    pending: dict[str, Decimal] = field(default_factory=dict)
    fixed: list[int] = field(default_factory=list)
    came: bool = False
    receipts: int = 0
    slips: int = 0
    marked: Decimal = ZERO
    last_slip: str = ""
    closed: bool = False

    def __post_init__(self) -> None:
        self.open = [line.quantity for line in self.order.lines]
        self.taxes = [line.tax for line in self.order.lines]
        self.got = [0] * len(self.open)

    def receive(self, receipt: Receipt, slip: str) -> None:
        """A receipt: its worth and its share of the tax, which is shared out in proportion to the cent."""
        at, open_before = receipt.line, self.open[receipt.line]
        share = (
            self.taxes[at]
            if receipt.how == ALL
            else cents(self.taxes[at] * receipt.quantity / Decimal(open_before))
        )
        worth = cents(receipt.quantity * self.order.lines[at].cost) + share
        self.pending[slip] = self.pending.get(slip, ZERO) + worth
        self.got[at] += receipt.quantity
        self.last_slip, self.came = slip, True
        self.open[at] = open_before - receipt.quantity if receipt.how == CLONE else 0
        self.taxes[at] -= share
        self._close()

    def cancel(self) -> None:
        """What is still expected is dropped; freight comes all the same, with the slip of what came last."""
        self.open = [0] * len(self.open)
        self._close()

    def _close(self) -> None:
        if any(self.open) or self.closed:
            return
        self.closed = True
        if any(self.got) and self.order.freight:
            self.pending[self.last_slip] = self.pending.get(self.last_slip, ZERO) + self.order.freight
            self.came = self.came or self.order.manner == "freight_account"

    def hear(self) -> None:
        """The product comes in step: one receipt, and one batch or bill for each packing slip."""
        if self.pending:
            self.fixed = self.fixed or self.on_order
            self.receipts += self.came
            self.came = False
            self.slips += len(self.pending)
            self.marked += sum(self.pending.values())
            self.pending = {}

    @property
    def on_order(self) -> list[int]:
        """What was received of each line and what is still expected."""
        return [got + left for got, left in zip(self.got, self.open, strict=True)]

    def worth(self, quantities: Sequence[int]) -> Decimal:
        """Quantities at cost; lines of one item at one cost are one position, which is rounded as a whole."""
        positions: defaultdict[Position, int] = defaultdict(int)
        for line, quantity in zip(self.order.lines, quantities, strict=True):
            positions[_position(line)] += quantity
        return sum((cents(quantity * cost) for (_, cost), quantity in positions.items()), ZERO)


def claims(order: Order) -> list[Claim]:
    """What must become of the order, and of what was received of it."""
    paper = Paper(order)
    for number, one in enumerate(order.rounds, 1):
        if number == order.cancelled:
            paper.cancel()
        for receipt in one.receipts:
            paper.receive(receipt, one.slip)
        if one.heard:
            paper.hear()
    if order.grown and order.manner == "vendor_bills":
        paper.open[0] = order.grown
        paper.receive(Receipt(0, order.grown, ALL), "S2")
        paper.hear()
    lost = {UNKNOWN_CURRENCY: "lookup_missing", ABSENT_CURRENCY: "missing_reference"}.get(order.currency, "")
    return _billed(paper, lost) if order.manner == "vendor_bills" else _received(paper, lost)


def _received(paper: Paper, lost: str) -> list[Claim]:
    """The order has what was received and what is still expected; receipts are posted on it."""
    order = paper.order
    if order.cancelled and not any(paper.got):
        return [Claim(ORDER, "purchase orders"), Claim(RECEIPT, "receipts")]
    if lost:
        return [Claim(ORDER, "purchase orders", lost), Claim(RECEIPT, "receipts")]
    freight = order.freight if order.manner == "freight_account" else ZERO
    fixed = paper.fixed or paper.on_order
    cause = "by_hand" if order.grown or fixed != paper.on_order else ""
    ordered = Claim(ORDER, "purchase orders", cause, 1, paper.worth(fixed) + freight)
    if order.old and any(paper.got):
        return [ordered, Claim(RECEIPT, "receipts", "posting_window")]
    came = paper.worth(paper.got) + (freight if paper.closed else ZERO)
    held = "over_receipt" if order.grown else ""
    counts = (paper.receipts, came, paper.slips, paper.marked)
    return [ordered, Claim(RECEIPT, "receipts", held, *counts)]


def _billed(paper: Paper, lost: str) -> list[Claim]:
    """The order is what is still expected; each packing slip is a bill."""
    order = paper.order
    expects = any(paper.open)
    if lost:
        billed = lost if any(paper.got) else ""
        return [
            Claim(ORDER, "purchase orders", lost if expects else ""),
            Claim(BILL, "vendor bills", billed),
        ]
    ordered = Claim(ORDER, "purchase orders", "", int(expects), paper.worth(paper.open) if expects else ZERO)
    if any(paper.got) and not order.numbered:
        return [ordered, Claim(BILL, "vendor bills", "vendor_invoice_number")]
    if any(paper.got) and order.old:
        return [ordered, Claim(BILL, "vendor bills", "posting_window")]
    counts = (paper.slips, paper.marked, paper.slips, paper.marked)
    return [ordered, Claim(BILL, "vendor bills", "", *counts)]


def _position(line: OrderLine) -> Position:
    return line.item, line.cost
