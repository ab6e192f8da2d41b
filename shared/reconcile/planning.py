"""What the planning of repairs has in common: who can make one, and which records the engine is to look at again."""

from collections.abc import Callable, Mapping

from shared.domain.records import RecordRef
from shared.engine.kinds.documents import Document
from shared.engine.registry import Registry
from shared.reconcile.model import Drift, Repair, Row

type Planner = Callable[["Planning", Drift], Repair]


class Planning:
    """What the planning of repairs may look at. ``payments`` are rows read for an invoice, by its id."""

    def __init__(self, registry: Registry, connection: str, payments: Mapping[str, list[Row]]) -> None:
        self.registry, self.connection, self.payments = registry, connection, payments

    def is_document(self, drift: Drift) -> bool:
        """True for sales invoices and credit memos."""
        return isinstance(self.registry.entity(drift.entity), Document)

    def title(self, drift: Drift) -> str:
        """The name of the entity that people read, in lower case."""
        return self.registry.entity(drift.entity).title.lower()

    def hints(self, drift: Drift) -> tuple[RecordRef, ...]:
        """The record itself, if ConnectWise had or has one."""
        return (RecordRef(self.connection, drift.subject, drift.id),) if drift.id else ()

    def again(self, drift: Drift, words: str, *steps: str) -> Repair:
        """A repair that the engine makes in one pass."""
        return Repair(words, steps, hints=self.hints(drift))

    def person(self, drift: Drift, words: str, *steps: str, hint: bool = False) -> Repair:
        """A repair that a person makes; with ``hint`` the record is held in the work list until then."""
        return Repair(words, steps, by_hand=True, hints=self.hints(drift) if hint else ())
