"""What a run is asked to do, and how that travels through the queue."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Self, cast, get_args

from shared.domain.envelope import Envelope
from shared.reconcile.model import Period, RepairMode

RECONCILE: Final = "reconcile"
"""The subject of a sweep message that asks for a reconciliation."""
LONGEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Request:
    """One run: the days whose documents are proved, what to do about drifts, a date for opening balances.

    Drifts are looked for in everything that both systems hold, whatever the period.
    """

    period: Period
    repair: RepairMode = "none"
    opening: str = ""

    @classmethod
    def checked(cls, first: str, last: str, repair: str, opening: str) -> Self:
        """Reads what a person asked for; raises ValueError with what is wrong."""
        period = Period.of(first, last)
        if period.last - period.first > LONGEST:
            raise ValueError(f"a period has at most {LONGEST.days} days")
        if repair not in get_args(RepairMode.__value__):
            raise ValueError(f"repair must be one of {', '.join(get_args(RepairMode.__value__))}")
        if opening:
            date.fromisoformat(opening)
        return cls(period, cast("RepairMode", repair), opening)

    @classmethod
    def nightly(cls, now: datetime) -> Self:
        """Last month and this one until today, without repairs."""
        today = now.date()
        first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
        return cls(Period(first, today), "plan")

    def shown(self) -> dict[str, Any]:
        """As plain values, for the head of a result and the options of a message."""
        return {
            "from": self.period.first.isoformat(),
            "to": self.period.last.isoformat(),
            "repair": self.repair,
            "opening": self.opening,
        }

    @classmethod
    def of(cls, envelope: Envelope) -> Self:
        """Reads what :meth:`shown` put into a message."""
        options = envelope.options
        return cls.checked(options["from"], options["to"], options["repair"], options.get("opening", ""))


def run_id(envelope: Envelope) -> str:
    """The id of the run that a message asks for: the same however often it is delivered."""
    return f"{envelope.when:%Y%m%dT%H%M%S%fZ}-{envelope.correlation[:8]}"
