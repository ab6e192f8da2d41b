"""The bound actions of the entity sets."""

from collections.abc import Callable
from typing import Final

from sandbox.business_central import corrections, journal_posting, order_posting, posting, purchase_posting
from sandbox.business_central.environment import Environment
from sandbox.business_central.store import Company, Record

type Action = Callable[[Environment, Company, Record], object]

ACTIONS: Final[dict[tuple[str, str], Action]] = {
    ("salesInvoices", "Microsoft.NAV.post"): posting.post,
    ("salesInvoices", "Microsoft.NAV.cancel"): corrections.cancel,
    ("salesInvoices", "Microsoft.NAV.makeCorrectiveCreditMemo"): corrections.make_corrective_credit_memo,
    ("salesCreditMemos", "Microsoft.NAV.post"): posting.post,
    ("purchaseInvoices", "Microsoft.NAV.post"): purchase_posting.post,
    ("purchaseOrders", "Microsoft.NAV.receiveAndInvoice"): order_posting.post,
    ("journals", "Microsoft.NAV.post"): journal_posting.post,
}
