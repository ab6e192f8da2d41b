"""The vocabulary of reconciliation: periods, drifts, repairs, findings of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Self

from shared.domain.records import RecordRef

type Row = dict[str, Any]
type RepairMode = Literal["none", "plan", "apply"]


class DriftClass(StrEnum):
    """In which way the two systems differ."""

    MISSING = "missing"
    EXTRA = "extra"
    CHANGED_IN_BUSINESS_CENTRAL = "changed_in_business_central"
    CHANGED_IN_CONNECTWISE = "changed_in_connectwise"
    STALE_LINK = "stale_link"
    DELETED_IN_CONNECTWISE = "deleted_in_connectwise"
    MERGED = "merged"
    DUPLICATE = "duplicate"
    TOTAL_DIFFERS = "total_differs"
    PAYMENT_DIFFERS = "payment_differs"
    UNCONFIRMED = "unconfirmed"
    UNBATCHED = "unbatched"


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: str, last: str) -> Self:
        """The period between two ISO dates; raises ValueError for no date or a wrong order."""
        period = cls(date.fromisoformat(first), date.fromisoformat(last))
        if period.first > period.last:
            raise ValueError(f"{first} is after {last}")
        return period

    def covers(self, day: str) -> bool:
        """True for an ISO date inside the period."""
        return bool(day) and self.first.isoformat() <= day[:10] <= self.last.isoformat()

    def ended(self, day: str) -> bool:
        """True for an ISO date up to the last day, and where there is no date at all."""
        return day[:10] <= self.last.isoformat()


@dataclass(frozen=True, slots=True)
class Repair:
    """What removes a drift: in words, in steps, and the records that the engine is to look at again.

    A repair without ``by_hand`` is finished when the engine has handled the hints. One that is by hand may have
    hints too: they bring the record into the work list, where it stays until a person has acted.
    """

    words: str
    steps: tuple[str, ...]
    by_hand: bool = False
    hints: tuple[RecordRef, ...] = ()


@dataclass(slots=True)
class Drift:
    """One difference. ``id`` is the ConnectWise id, empty where only Business Central has a record.

    ``connectwise`` and ``business_central`` are the two values that differ, as far as two values do; ``facts``
    is what the planning of its repair needs to know.
    """

    kind: DriftClass
    entity: str
    subject: str
    id: str
    what: str
    number: str = ""
    target_id: str = ""
    target_number: str = ""
    date: str = ""
    currency: str = ""
    connectwise: Any = None
    business_central: Any = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    repair: Repair | None = None

    def shown(self) -> Row:
        """As plain values for a report."""
        row: Row = {
            "class": self.kind.value,
            **{name: getattr(self, name) for name in _SHOWN},
            "connectwise": self.connectwise,
            "business_central": self.business_central,
        }
        if self.repair is not None:
            row["repair"] = {
                "how": "by hand" if self.repair.by_hand else "automatic",
                "words": self.repair.words,
                "steps": list(self.repair.steps),
            }
        return row


_SHOWN = ("entity", "id", "number", "target_number", "target_id", "date", "currency", "what")


@dataclass(frozen=True, slots=True)
class RoundingStep:
    """One place where an amount was rounded or converted: what was done, and the amount before and after."""

    where: str
    what: str
    before: Decimal | None
    after: Decimal | None
