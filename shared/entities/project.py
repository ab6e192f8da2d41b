"""ConnectWise projects become Business Central projects: number and name, all that the API can hold.

A closed project stays as it is in Business Central, so that what was posted on it can still be read.
"""

from typing import Final

from shared.engine.kinds.masters import MasterData
from shared.entities.subjects import PROJECT

ENTITY: Final = MasterData(
    name="project",
    title="Project",
    subject=PROJECT,
    target="projects",
    adopt=("number",),
    dimension="project_dimension",
)
