"""Dimensions: default ones of master data, those of documents, and records that are values themselves.

Dimensions and their values are read-only in API v2.0 (business-central.md 0.14). A value can be made through the
Dimension Values page where an administrator has published it; where not, it is listed as missing.
"""

from typing import Any, Final

from shared.domain.errors import HoldForPerson
from shared.domain.records import Payload
from shared.engine.entity import Job
from shared.engine.mapping_data import same

DIMENSIONS: Final = "defaultDimensions"
SET_LINES: Final = "dimensionSetLines"
VALUE_OF: Final = "value_of"
MISSING_VALUE: Final = "missing_value"


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


async def keep_value(job: Job, dimension_code: str, payload: Payload) -> None:
    """Makes the linked record a value of a dimension, or notes that a person must."""
    code, name = str(job.link.target_number), str(payload.get("displayName") or job.link.target_number)
    facts = job.link.facts
    dimension = await _row(job, "dimensions", code=dimension_code)
    known = dimension and await _row(job, "dimensionValues", code=code, dimensionId=dimension["id"])
    if not known and not await job.connection.business_central.add_dimension_value(
        dimension_code, code, name
    ):
        facts[MISSING_VALUE] = {"dimension": dimension_code, "value": code, "name": name}
        return
    facts.pop(MISSING_VALUE, None)
    facts[VALUE_OF] = dimension_code


async def settle_dimensions(job: Job, payload: Payload) -> None:
    """Judges the dimensions of a document by the policy for missing values, before anything is written.

    Raises HoldForPerson where the policy is to hold; otherwise rows are dropped or given the default value.
    """
    rows: list[dict[str, str]] = payload.get(SET_LINES, [])
    policy = job.connection.options.missing_dimension
    kept = []
    for row in rows:
        try:
            await _ids(job, row["code"], row["valueCode"])
            kept.append(row)
        except HoldForPerson:
            if policy == "hold":
                raise
            if policy.startswith("default:"):
                kept.append({"code": row["code"], "valueCode": policy.removeprefix("default:")})
    if rows:
        payload[SET_LINES] = kept
