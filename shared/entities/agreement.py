"""ConnectWise agreements become Business Central projects, with their terms and history kept beside the link.

Business Central's API has no contract that could be written (Subscription Billing's API only reads them), so an
agreement is a project there and, where a dimension is named for it, a dimension value; its additions, adjustments,
renewals and cancellation are kept here, and its invoices carry it.
"""

from typing import Final

from shared.engine.kinds.masters import MasterData
from shared.entities.contracts import terms
from shared.entities.subjects import AGREEMENT

ENTITY: Final = MasterData(
    name="agreement",
    title="Agreement",
    subject=AGREEMENT,
    target="projects",
    adopt=("number",),
    enrich=terms,
    dimension="agreement_dimension",
)
