"""ConnectWise companies that buy become Business Central customers."""

from typing import Final

from shared.engine.kinds.masters import MasterData
from shared.entities.contacts import default_contact
from shared.entities.subjects import COMPANY

ENTITY: Final = MasterData(
    name="customer",
    title="Customer",
    subject=COMPANY,
    target="customers",
    adopt=("number", "displayName", "email"),
    write_back="accountNumber",
    enrich=default_contact,
)
