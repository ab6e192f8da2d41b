"""ConnectWise catalog items become Business Central items.

The mapping never sends ``inventory`` (changing it posts an adjustment: API page Items) and sends ``number`` only on
creation (changing it renames the record).
"""

from typing import Final

from shared.engine.kinds.masters import MasterData
from shared.entities.subjects import CATALOG_ITEM

ENTITY: Final = MasterData(
    name="item",
    title="Item",
    subject=CATALOG_ITEM,
    target="items",
    adopt=("number", "displayName"),
    write_back="integrationXRef",
    exports_by_number=False,
)
