"""ConnectWise companies that sell to us become Business Central vendors."""

from typing import Final

from shared.engine.kinds.masters import MasterData
from shared.entities.contacts import default_contact
from shared.entities.subjects import COMPANY

ENTITY: Final = MasterData(
    name="vendor",
    title="Vendor",
    subject=COMPANY,
    target="vendors",
    adopt=("number", "displayName", "email"),
    write_back="vendorIdentifier",
    enrich=default_contact,
)
