"""A connection at work: one ConnectWise site with one Business Central company."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from shared.engine.mapping_book import MappingBook
from shared.engine.workflow_book import WorkflowBook
from shared.ports.systems import BusinessCentral, ConnectWise

KNOWN_TARGET_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Options:
    """What a customer decides about how documents travel.

    ``gl_interface`` is the name under which the accounting batches are made in ConnectWise.
    ``agreement_dimension`` is the dimension in which agreements are values, none when empty.
    ``missing_dimension`` says what a document does whose dimension value Business Central lacks: ``hold`` it,
    ``skip`` the dimension, or take the value given after ``default:``. ``penny_cap`` is the largest difference,
    in the document's currency, that goes to ``rounding_account`` as a visible line; zero holds every difference.
    """

    gl_interface: str = "DynaConnect"
    agreement_dimension: str = ""
    missing_dimension: str = "hold"
    rounding_account: str = ""
    rounding_tax_code: str = "NONTAXABLE"
    penny_cap: Decimal = Decimal(0)


@dataclass(slots=True)
class Connection:
    """The two systems, the compiled mappings and what this process knows of the connection."""

    name: str
    connectwise: ConnectWise
    business_central: BusinessCentral
    mappings: MappingBook
    workflow: WorkflowBook
    subjects: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    paused_until: datetime | None = None
    _targets: dict[tuple[str, str], tuple[float, dict[str, str]]] = field(default_factory=dict)

    def pause(self, now: datetime, seconds: float) -> None:
        """Stops calls of this process for a while, after the other side refused the connection as a whole."""
        self.paused_until = now + timedelta(seconds=seconds)

    def known_target(self, entity: str, source_id: str) -> dict[str, str] | None:
        """The linked target's id and number if this process saw them in the last five minutes."""
        entry = self._targets.get((entity, source_id))
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def remember_target(self, entity: str, source_id: str, target: dict[str, str]) -> None:
        """Keeps a linked target's id and number for five minutes."""
        self._targets[entity, source_id] = (time.monotonic() + KNOWN_TARGET_SECONDS, target)

    def forget_target(self, entity: str, source_id: str) -> None:
        """Drops what is known of a target, after it was found to be gone."""
        self._targets.pop((entity, source_id), None)


class Connections(Protocol):
    """Where the engine finds its connections by name."""

    async def get(self, name: str) -> Connection:
        """The connection; raises StopConnection when there is none of that name."""
        ...

    async def names(self) -> list[str]:
        """All connection names."""
        ...
