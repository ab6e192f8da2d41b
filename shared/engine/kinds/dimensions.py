"""Dimensions: default ones of master data, those of documents, and records that are values themselves.

Dimensions and their values are read-only in API v2.0 (Microsoft, "dimensionValue"). A value can be made through the
Dimension Values page where an administrator has published it; where not, it is listed as missing.
"""

from typing import Any, Final

from shared.domain.errors import HoldForPerson, WaitForDependency
from shared.domain.records import Payload, RecordRef
from shared.engine.entity import Job, JsonObject
from shared.engine.kinds.mapping_data import linked_target, same

DIMENSIONS: Final = "defaultDimensions"
SET_LINES: Final = "dimensionSetLines"
VALUE_OF: Final = "value_of"
MISSING_VALUE: Final = "missing_value"
"""The fact that holds the dimension value that a person must make for a record that is one."""
MISSING_VALUES: Final = "missing_values"
"""The fact that holds the dimension values that a document names and Business Central lacks."""
CARRIED: Final = ("agreement", "project")
"""The entities whose value a document carries that is tagged with one."""
DEFAULT: Final = "default:"
"""How the policy begins that puts a value in place of a missing one."""


async def check_dimensions(job: Job, payload: Payload) -> None:
    """Raises HoldForPerson when Business Central lacks a dimension or a value that the payload names.

    They cannot be made through API v2.0 (Microsoft, "dimensionValue"), so this is known before anything is written.
    """
    job.link.facts.pop(MISSING_VALUES, None)
    for row in payload.get(DIMENSIONS, ()):
        code, value_code = row["dimensionCode"], row["dimensionValueCode"]
        try:
            await _ids(job, code, value_code)
        except HoldForPerson:
            job.link.facts[MISSING_VALUES] = [{"dimension": code, "value": value_code}]
            raise


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


async def with_dimensions(job: Job, tags: JsonObject, payload: Payload) -> Payload:
    """The payload of a document with the agreement and project it is for, where the options name their dimensions.

    What the mapping says of such a dimension goes first. The header's dimensions stand before the lines, which take
    them over. Raises WaitForDependency while the agreement or project is not in Business Central.
    """
    named = {row["code"] for row in payload.get(SET_LINES, ())}
    rows: list[JsonObject] = []
    for entity in CARRIED:
        code, source_id = str(getattr(job.connection.options, f"{entity}_dimension")), tags.get(entity)
        if not code or source_id is None or code in named:
            continue
        subject = job.connection.subjects[entity]
        target = await linked_target(job.connection, job.store, subject, entity, str(source_id))
        if target is None:
            needed = RecordRef(job.ref.connection, subject, str(source_id))
            raise WaitForDependency((needed,), f"Waits for {entity} {source_id} to be in Business Central.")
        rows.append({"code": code, "valueCode": target["number"]})
    if not rows:
        return payload
    plain = {name: value for name, value in payload.items() if not isinstance(value, list)}
    lists = {name: value for name, value in payload.items() if isinstance(value, list) and name != SET_LINES}
    return {**plain, SET_LINES: [*payload.get(SET_LINES, ()), *rows], **lists}


async def settle_dimensions(job: Job, *payloads: Payload) -> None:
    """Judges the dimensions of a document or of its lines by the policy for missing values, before a write.

    Raises HoldForPerson where the policy is to hold; otherwise rows are dropped or given the default value. What
    is missing is kept with the link either way, so that it can be listed.
    """
    missing: dict[str, JsonObject] = {}
    job.link.facts.pop(MISSING_VALUES, None)
    stop: HoldForPerson | None = None
    for payload in payloads:
        kept = []
        for row in payload.get(SET_LINES, ()):
            try:
                await _ids(job, row["code"], row["valueCode"])
                kept.append(row)
            except HoldForPerson as hold:
                missing[f"{row['code']}={row['valueCode']}"] = {
                    "dimension": row["code"],
                    "value": row["valueCode"],
                }
                stop = stop or hold
                kept += await _instead(job, row)
        if SET_LINES in payload:
            payload[SET_LINES] = kept
    if missing:
        job.link.facts[MISSING_VALUES] = list(missing.values())
    if stop is not None and job.connection.options.missing_dimension == "hold":
        raise stop


async def _instead(job: Job, row: JsonObject) -> list[JsonObject]:
    """What stands for a missing value: nothing, or the default one; raises HoldForPerson if that is missing too."""
    policy = job.connection.options.missing_dimension
    if not policy.startswith(DEFAULT):
        return []
    value = policy.removeprefix(DEFAULT)
    await _ids(job, row["code"], value)
    return [{"code": row["code"], "valueCode": value}]


def warnings_of_dimensions(job: Job) -> tuple[str, ...]:
    """What the policy did about missing values, in words."""
    rows = job.link.facts.get(MISSING_VALUES, ())
    policy = job.connection.options.missing_dimension
    done = f"{policy.removeprefix(DEFAULT)} is used" if policy.startswith(DEFAULT) else "it is left out"
    return tuple(f"Dimension {row['dimension']} has no value {row['value']}: {done}." for row in rows)
