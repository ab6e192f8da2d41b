"""One rule, compiled: reads, transforms, translates, checks and writes one field, and leaves a trace of it."""

from collections.abc import Mapping
from typing import Any

from shared.mapping.document import Lookup, Rule, Use
from shared.mapping.readers import compile_reader, describe, steps_of
from shared.mapping.results import Finding, Outcome, References, Step, Trace
from shared.mapping.stages import (
    CLEAR,
    NoContext,
    Run,
    Stage,
    Waiting,
    fit_stage,
    link_stage,
    lookup_stage,
    reference,
    resolve_stage,
)
from shared.mapping.targets import TargetField
from shared.mapping.transforms import Applied
from shared.mapping.values import Json, Unfit, is_empty


class CompiledRule:
    """A rule ready to run any number of times; it keeps no state between records."""

    __slots__ = ("_fit", "_prepare", "_read", "_reads", "_stages", "place", "rule", "to", "when_empty")

    def __init__(self, rule: Rule, place: str, field: TargetField, lookups: Mapping[str, Lookup]) -> None:
        self.rule, self.place, self.to = rule, place, rule.to
        self._read, self._reads, self._fit = compile_reader(rule), describe(rule), fit_stage(rule, field)
        self._prepare: list[tuple[str, Stage]] = [
            (name, _stage(apply)) for name, apply in steps_of(rule.transforms)
        ]
        if rule.lookup:
            self._prepare.append(
                (f"looked up in {rule.lookup}", lookup_stage(rule.lookup, lookups[rule.lookup]))
            )
        self._stages = list(self._prepare)
        if rule.resolve:
            self._stages.append(
                (f"{rule.resolve.give} found in {rule.resolve.set_}", resolve_stage(rule.resolve))
            )
        if rule.link:
            self._stages.append((f"{rule.link.give} of that {rule.link.entity}", link_stage(rule.link)))
        self.when_empty = _when_empty(rule, field)

    def run(self, here: Json, root: Json, run: Run, payload: dict[str, Any], prefix: str) -> None:
        """Writes the field into the payload, or leaves a hold or a wait; always leaves a trace."""
        target = prefix + self.to
        source, found, value = self._reads, None, None
        outcome: Outcome = "sent"
        steps: list[Step] = []
        try:
            source, found, value, taken = self._read(here, root)
            steps.extend(taken)
            for what, stage in self._stages:
                if is_empty(value):
                    break
                value = stage(value, here, root, run, target)
                steps.append(Step(what, value))
            if not is_empty(value):
                value = self._fit(value, steps, run, target)
            if is_empty(value):
                value, outcome = self._empty(source, steps)
            if outcome != "omitted":
                payload[self.to] = value
        except Unfit as unfit:
            value, outcome = None, "held"
            run.holds.append(Finding(unfit.kind, target, _from(source, unfit.what), unfit.todo))
        except Waiting as waiting:
            value, outcome = None, "waiting"
            run.waits[waiting.wait] = None
        run.traces.append(Trace(target, self.place, source, found, tuple(steps), value, outcome))

    def _empty(self, source: str, steps: list[Step]) -> tuple[Json, Outcome]:
        outcome, value = self.when_empty
        if outcome == "held":
            raise Unfit("required_empty", "it is empty, but a value is needed", "Fill it in the source.")
        if outcome == "sent":
            steps.append(Step("so the fixed value", value))
        return value, outcome

    def references(self, here: Json, root: Json) -> References:
        """What the rule would ask the context for this record; values that do not fit ask nothing."""
        if not (self.rule.resolve or self.rule.link):
            return References()
        run = Run(NoContext())
        try:
            value = self._read(here, root).value
            for _, stage in self._prepare:
                if is_empty(value):
                    break
                value = stage(value, here, root, run, self.to)
            return References() if is_empty(value) else reference(self.rule, value)
        except Unfit:
            return References()


def _when_empty(rule: Rule, field: TargetField) -> tuple[Outcome, Json]:
    match rule.empty:
        case Use(use=value):
            return "sent", fit_stage(rule, field)(value, [], Run(NoContext()), rule.to)
        case "clear":
            return "cleared", CLEAR[field.type_]
        case "hold":
            return "held", None
    return "omitted", None


def _stage(apply: Applied) -> Stage:
    return lambda value, here, root, run, target: apply(value, here, root)


def _from(source: str, what: str) -> str:
    return f"from {source}: {what}" if source else what
