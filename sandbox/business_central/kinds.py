"""The kinds of documents, and what differs between them."""

from dataclasses import dataclass
from typing import Final

from sandbox.business_central.store import Record

INVOICE: Final = "Invoice"
CREDIT_MEMO: Final = "Credit_x0020_Memo"
ORDER: Final = "Order"

type Series = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a document is for: the record that trades (sell-to, buy-from) and the one that settles.

    ``trading`` and ``settling`` are the prefixes of the id and number properties; the addresses have their own.
    """

    set_name: str
    table: str
    side: str
    trading: str
    settling: str
    settling_title: str
    trading_address: str
    settling_address: str

    @property
    def prefixes(self) -> tuple[str, str]:
        """The prefixes of the properties that name the trading and the settling record."""
        return self.trading, self.settling


_CUSTOMER: Final = Party(
    "customers", "Customer", "Sales", "customer", "billToCustomer", "bill-to customer", "sellTo", "billTo"
)
_VENDOR: Final = Party(
    "vendors", "Vendor", "Purchase", "vendor", "payToVendor", "pay-to vendor", "buyFrom", "payTo"
)


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """One kind of document: its sets, the properties of date and price, its number series and its names.

    A series is code, prefix and first number; the posted one of an order numbers its receipts. ``title`` names the trading party in errors, ``noun`` the document.
    """

    set_name: str
    lines: str
    document_type: str
    party: Party
    date: str
    price: str
    draft: Series
    posted: Series
    title: str
    noun: str

    @property
    def header_table(self) -> str:
        """The table of the header, as errors name it."""
        return f"{self.party.side} Header"

    @property
    def line_table(self) -> str:
        """The table of the lines, as errors name it."""
        return f"{self.party.side} Line"

    @property
    def posted_text(self) -> str:
        """Why a posted document cannot be changed."""
        return f"The {self.noun} has been posted and can no longer be modified."

    @property
    def draft_only_text(self) -> str:
        """Why a posted document cannot be posted."""
        return f"The action can be applied to a draft {self.noun} only."


KINDS: Final = {
    kind.set_name: kind
    for kind in (
        DocumentKind(
            set_name="salesInvoices",
            lines="salesInvoiceLines",
            document_type=INVOICE,
            party=_CUSTOMER,
            date="invoiceDate",
            price="unitPrice",
            draft=("S-INV", "SI-D", 1001),
            posted=("S-INV+", "PSI-", 103001),
            title="sell-to customer",
            noun="invoice",
        ),
        DocumentKind(
            set_name="salesCreditMemos",
            lines="salesCreditMemoLines",
            document_type=CREDIT_MEMO,
            party=_CUSTOMER,
            date="creditMemoDate",
            price="unitPrice",
            draft=("S-CR", "SCR-D", 1001),
            posted=("S-CR+", "PSCR-", 104001),
            title="sell-to customer",
            noun="credit memo",
        ),
        DocumentKind(
            set_name="purchaseOrders",
            lines="purchaseOrderLines",
            document_type=ORDER,
            party=_VENDOR,
            date="orderDate",
            price="directUnitCost",
            draft=("P-ORD", "PO-", 106001),
            posted=("P-RCPT", "PR-", 107001),
            title="buy-from vendor",
            noun="order",
        ),
        DocumentKind(
            set_name="purchaseInvoices",
            lines="purchaseInvoiceLines",
            document_type=INVOICE,
            party=_VENDOR,
            date="invoiceDate",
            price="unitCost",
            draft=("P-INV", "PI-D", 1001),
            posted=("P-INV+", "PPI-", 108001),
            title="vendor",
            noun="invoice",
        ),
    )
}
BY_LINES: Final = {kind.lines: kind for kind in KINDS.values()}


def kind_of(record: Record) -> DocumentKind:
    """The kind of a document header or line."""
    return KINDS.get(record.set_name) or BY_LINES[record.set_name]
