"""Where the connection says so, each receipt becomes a purchase invoice, and nothing is received on the order."""

from typing import Final

from shared.engine.kinds.parts import Parts
from shared.entities import purchasing
from shared.entities.bills import DOCUMENT, open_bills
from shared.entities.subjects import PURCHASE_ORDER

ENTITY: Final = Parts(
    name=purchasing.BILL,
    title="Vendor bill",
    subject=PURCHASE_ORDER,
    document=DOCUMENT,
    gather=open_bills,
)
