"""Customer payments applied in Business Central become payments on the ConnectWise invoice."""

from typing import Final

from shared.engine.kinds.settlements import Settlement
from shared.entities.standing import confirm_standing
from shared.entities.subjects import SETTLEMENT

ENTITY: Final = Settlement(name="payment", title="Payment", subject=SETTLEMENT, confirm=confirm_standing)
