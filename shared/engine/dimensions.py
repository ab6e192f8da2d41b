"""Default dimensions of master data: rows below the record, brought in step by calls of their own."""

from typing import Any, Final

from shared.domain.errors import HoldForPerson
from shared.domain.records import Payload
from shared.engine.entity import Job
from shared.engine.mapping_data import same

DIMENSIONS: Final = "defaultDimensions"


async def check_dimensions(job: Job, payload: Payload) -> None:
    """Raises HoldForPerson when Business Central lacks a dimension or a value that the payload names.

    They cannot be made through API v2.0 (business-central.md 0.14), so this is known before anything is written.
    """
    for row in payload.get(DIMENSIONS, ()):
        await _ids(job, row["dimensionCode"], row["dimensionValueCode"])


async def apply_dimensions(job: Job, parent_set: str, payload: Payload) -> None:
    """Adds or changes the default dimensions that the payload names by codes; others are left alone.

    A record whose rows are the ones written last costs no call.
    """
    wanted = {row["dimensionCode"]: row["dimensionValueCode"] for row in payload.get(DIMENSIONS, ())}
    if not wanted or job.link.facts.get(DIMENSIONS) == wanted:
        return
    system = job.connection.business_central
    path = f"{parent_set}({job.link.target_id})/{DIMENSIONS}"
    current = {row["dimensionId"]: row async for page in system.scan(path) for row in page}
    for code, value_code in wanted.items():
        dimension, value = await _ids(job, code, value_code)
        row = current.get(dimension)
        if row is None:
            await system.create(path, {"dimensionId": dimension, "dimensionValueId": value})
        elif row["dimensionValueId"] != value:
            await system.change(path, row["id"], {"dimensionValueId": value}, row["@odata.etag"])
    job.link.facts[DIMENSIONS] = wanted


async def _ids(job: Job, code: str, value_code: str) -> tuple[str, str]:
    dimension = await _row(job, "dimensions", code=code)
    if dimension is None:
        raise HoldForPerson(
            "dimension_missing",
            f"Business Central has no dimension {code}.",
            todo="Create the dimension there, or take it out of the mapping; then retry.",
        )
    value = await _row(job, "dimensionValues", code=value_code, dimensionId=dimension["id"])
    if value is None:
        raise HoldForPerson(
            "dimension_value_missing",
            f"The dimension {code} has no value {value_code} in Business Central.",
            todo="Create the value there, or map it to one that exists; then retry.",
        )
    return str(dimension["id"]), str(value["id"])


async def _row(job: Job, entity_set: str, **wanted: str) -> dict[str, Any] | None:
    system = job.connection.business_central
    for read in (system.reference, system.refresh):
        for row in await read(entity_set):
            if all(same(str(row.get(name)).casefold(), value.casefold()) for name, value in wanted.items()):
                return row
    return None
