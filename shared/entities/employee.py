"""ConnectWise members become Business Central vendors, to whom reimbursable expenses are owed.

Only members who have expenses: a member becomes a vendor when the first expense report needs it.
"""

from typing import Final

from shared.engine.kinds.masters import MasterData
from shared.entities.subjects import MEMBER

ENTITY: Final = MasterData(
    name="employee",
    title="Employee",
    subject=MEMBER,
    target="vendors",
    adopt=("number", "email"),
    write_back="vendorNumber",
    when_needed=True,
)
