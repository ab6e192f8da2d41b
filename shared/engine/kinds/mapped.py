"""From a source record to a mapped payload: prefetch what the rules ask for, apply them, judge the findings."""

from collections.abc import Mapping
from typing import Any

from shared.domain.plans import Action, Change, Plan
from shared.domain.records import RecordRef
from shared.engine.entity import Job
from shared.engine.kinds.mapping_data import MappingData, linked_target, same
from shared.mapping import Mapped, explain


async def map_source(job: Job, entity: str, source: dict[str, Any]) -> Mapped:
    """The mapped payload with its findings; a value that a cached list lacks is looked up anew once."""
    mapping = await job.connection.mappings.get(entity)
    references = mapping.references(source)
    system = job.connection.business_central
    data = MappingData()
    for set_name in references.sets:
        data.lists[set_name] = await system.reference(set_name)
    for wait in references.links:
        data.links[wait.entity, wait.source_id] = await linked_target(
            job.connection, job.store, job.connection.subjects[wait.entity], wait.entity, wait.source_id
        )
    mapped = mapping.apply(source, data)
    if mapped.holds and references.sets:
        # Perhaps somebody has just created in Business Central what the cached lists lack.
        for set_name in references.sets:
            data.lists[set_name] = await system.refresh(set_name)
        mapped = mapping.apply(source, data)
    return mapped


def plan_of_findings(job: Job, mapped: Mapped) -> Plan | None:
    """Skip, hold or wait if the mapping says so; None when the record can travel."""
    if not mapped.in_scope:
        return Plan(Action.SKIP, mapped.why_not or "The mapping leaves this record out.")
    if mapped.holds:
        return Plan(
            Action.HOLD,
            " ".join(f"{finding.where}: {finding.what}." for finding in mapped.holds),
            cause=mapped.holds[0].kind,
            todo=" ".join(dict.fromkeys(finding.todo for finding in mapped.holds)),
            warnings=warnings_of(mapped),
        )
    if mapped.waits:
        needs = tuple(
            RecordRef(job.ref.connection, job.connection.subjects[wait.entity], wait.source_id)
            for wait in mapped.waits
        )
        names = ", ".join(f"{wait.entity} {wait.source_id}" for wait in mapped.waits)
        return Plan(
            Action.WAIT,
            f"Waits for {names} to be in Business Central.",
            cause="dependency",
            todo="Nothing: it continues when they arrive.",
            needs=tuple(dict.fromkeys(needs)),
        )
    return None


def warnings_of(mapped: Mapped) -> tuple[str, ...]:
    """The warnings in words."""
    return tuple(str(finding) for finding in mapped.warnings)


def changes_between(
    before: Mapping[str, Any], after: Mapping[str, Any], mapped: Mapped
) -> tuple[Change, ...]:
    """The fields of ``after`` that differ from ``before``, each with the rule that produced it."""
    return tuple(
        Change(name, before.get(name), value, explain(mapped, name) if name in traced(mapped) else "")
        for name, value in after.items()
        if not same(before.get(name), value)
    )


def traced(mapped: Mapped) -> frozenset[str]:
    """The target fields that a rule produced."""
    return frozenset(trace.target for trace in mapped.traces)
