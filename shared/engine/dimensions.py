"""Default dimensions of master data: rows below the record, brought in step by calls of their own."""

from typing import Final

from shared.domain.records import Payload
from shared.engine.entity import Job

DIMENSIONS: Final = "defaultDimensions"


async def apply_dimensions(job: Job, parent_set: str, payload: Payload) -> None:
    """Adds or changes the default dimensions that the payload names; others are left alone.

    The payload holds rows of ``dimensionId`` and ``dimensionValueId``. A record whose rows are the ones
    written last costs no call.
    """
    wanted: dict[str, str] = {
        row["dimensionId"]: row["dimensionValueId"] for row in payload.get(DIMENSIONS, ())
    }
    if not wanted or job.link.facts.get(DIMENSIONS) == wanted:
        return
    system = job.connection.business_central
    path = f"{parent_set}({job.link.target_id})/{DIMENSIONS}"
    current = {row["dimensionId"]: row async for page in system.scan(path) for row in page}
    for dimension, value in wanted.items():
        row = current.get(dimension)
        if row is None:
            await system.create(path, {"dimensionId": dimension, "dimensionValueId": value})
        elif row["dimensionValueId"] != value:
            await system.change(path, row["id"], {"dimensionValueId": value}, row["@odata.etag"])
    job.link.facts[DIMENSIONS] = wanted
