"""What mapping a record gives: payloads, where every field came from, and what a person or another record must do first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from shared.mapping.values import Json, fold

type Outcome = Literal["sent", "omitted", "cleared", "held", "waiting"]


class Step(NamedTuple):
    """One thing done to a value, in words, and what came out."""

    what: str
    result: Json


class Trace(NamedTuple):
    """How one target field got its value.

    ``target`` is the field, in lines such as ``salesInvoiceLines[2].unitPrice``; ``rule`` its place in the
    document; ``source`` the path or template read (empty for a fixed value) and ``value`` what was found there.
    """

    target: str
    rule: str
    source: str
    value: Json
    steps: tuple[Step, ...]
    result: Json
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an operator should know: ``where`` it is, ``what`` happened, ``todo`` to fix it; ``kind`` groups."""

    kind: str
    where: str
    what: str
    todo: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.todo}"


@dataclass(frozen=True, slots=True)
class Wait:
    """Another source record that must reach the target first."""

    entity: str
    source_id: str


@dataclass(frozen=True, slots=True)
class SetReference:
    """A target record a mapping needs: the one of ``set_name`` whose ``by`` equals ``value``."""

    set_name: str
    by: str
    value: str


@dataclass(frozen=True, slots=True)
class References:
    """Everything to fetch before a record can be mapped."""

    records: tuple[SetReference, ...] = ()
    links: tuple[Wait, ...] = ()

    @property
    def sets(self) -> frozenset[str]:
        """The target lists that are needed."""
        return frozenset(record.set_name for record in self.records)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The result for one source record. Nothing may be sent unless it is ``ready``.

    ``create`` is the payload of a new record with its lines; ``change`` the payload for an existing one, without
    create-only fields and lines. Numbers are Decimal, dates ISO texts, keys in the order of the rules.
    """

    in_scope: bool
    why_not: str | None = None
    create: dict[str, Any] = field(default_factory=dict)
    change: dict[str, Any] = field(default_factory=dict)
    traces: tuple[Trace, ...] = ()
    holds: tuple[Finding, ...] = ()
    waits: tuple[Wait, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether the payloads are complete and may be sent."""
        return self.in_scope and not self.holds and not self.waits


class MappingContext(Protocol):
    """What a mapping may ask about the target; both answers come from data fetched before."""

    def resolve(self, set_name: str, by: str, value: str) -> Mapping[str, Any] | None:
        """The record of a target list whose ``by`` equals ``value``, or None."""

    def link(self, entity: str, source_id: str) -> Mapping[str, Any] | None:
        """The target record a source record has become, or None when it is not there yet."""


class Prefetched:
    """A context over records held in memory; texts are matched without case and extra blanks."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._links: dict[tuple[str, str], Mapping[str, Any]] = {}

    def add_record(self, set_name: str, by: str, record: Mapping[str, Any]) -> None:
        """Makes a target record known under its property ``by``. Raises ``KeyError`` when it has none."""
        self._records[set_name, by, fold(str(record[by]))] = record

    def add_link(self, entity: str, source_id: int | str, record: Mapping[str, Any]) -> None:
        """Makes known what a source record has become."""
        self._links[entity, str(source_id)] = record

    def resolve(self, set_name: str, by: str, value: str) -> Mapping[str, Any] | None:
        """The record of a target list whose ``by`` equals ``value``, or None."""
        return self._records.get((set_name, by, fold(value)))

    def link(self, entity: str, source_id: str) -> Mapping[str, Any] | None:
        """The target record a source record has become, or None."""
        return self._links.get((entity, source_id))
