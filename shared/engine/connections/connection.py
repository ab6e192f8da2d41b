"""A connection at work: one ConnectWise site with one Business Central company."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, Protocol

from shared.domain.calls import Pulse
from shared.engine.connections.mapping_book import MappingBook
from shared.engine.connections.workflow_book import WorkflowBook
from shared.mapping import Routing
from shared.ports.hooks import DeliveryVerifier
from shared.ports.platform import Secrets
from shared.ports.systems import BusinessCentral, ConnectWise

KNOWN_TARGET_SECONDS: Final = 300.0
MOST_TARGETS: Final = 5_000
"""Targets of which a process keeps id and number: about two megabytes."""


type TaxMode = Literal["as_lines", "business_central", "prices_include_tax"]

LINE_DIMENSIONS: Final = {
    "departmentCode": "DEPARTMENT",
    "locationCode": "LOCATION",
    "projectCode": "PROJECT",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a customer decides about how documents travel.

    ``gl_interface`` is the name under which the accounting batches are made in ConnectWise.
    ``agreement_dimension`` is the dimension in which agreements are values, none when empty.
    ``missing_dimension`` says what a document does whose dimension value Business Central lacks: ``hold`` it,
    ``skip`` the dimension, or take the value given after ``default:``. ``penny_cap`` is the largest difference,
    in the document's currency, that goes to ``rounding_account`` as a visible line; zero holds every difference.
    ``expense_tiers`` is how many approvals an expense needs; ``expense_reports`` says how what is owed is booked: as a
    ``purchase_invoice`` of the employee's vendor, or by ``journal`` with the employee as the balancing account; ``line_dimensions`` are the dimensions behind the
    department, location and project of a journal line. ``vendor_bills`` says who enters them: ``accounts_payable``
    on the received order, or ``purchase_invoice``, one for each receipt, which is then not received on the order.
    ``freight_account`` takes the freight of a purchase order; without one it is a note and comes with the bill.
    ``credit_applications`` says how ConnectWise shows an applied credit memo: as a ``payment`` with the memo as its
    credit, or only as a ``note``. ``project_dimension`` is what ``agreement_dimension`` is, for projects.
    ``attachments`` says what a document does whose files cannot all go along: ``hold`` it, or ``note`` the file and go
    on; ``off`` carries none. ``attachment_limit_mb`` is the largest file, in millions of bytes.
    ``tax_mode`` says how sales tax travels: as lines of its own, computed by Business Central, or in the prices.
    """

    gl_interface: str = "DynaConnect"
    agreement_dimension: str = ""
    project_dimension: str = ""
    missing_dimension: str = "hold"
    expense_tiers: int = 2
    expense_reports: str = "purchase_invoice"
    line_dimensions: Mapping[str, str] = field(default_factory=lambda: dict(LINE_DIMENSIONS))
    rounding_account: str = ""
    rounding_tax_code: str = "NONTAXABLE"
    penny_cap: Decimal = Decimal(0)
    vendor_bills: str = "accounts_payable"
    freight_account: str = ""
    credit_applications: str = "payment"
    tax_mode: TaxMode = "as_lines"
    attachments: str = "hold"
    attachment_limit_mb: int = 20


@dataclass(slots=True)
class Connection:
    """The two systems, the compiled mappings and what this process knows of the connection.

    ``makers`` names, for each set of Business Central, the subjects and entities whose records are in it;
    ``site`` names the ConnectWise site, which several connections can share; ``routing`` says which of its
    records this one takes. ``cutover`` has the first day of an entity's documents that travel, ``credentials`` the
    names of its secrets, ``probes`` asks each system for a sign of life and its version. ``credit_type`` is the
    payment type by which ConnectWise took an applied credit memo, None while that is unknown.
    """

    name: str
    connectwise: ConnectWise
    business_central: BusinessCentral
    mappings: MappingBook
    workflow: WorkflowBook
    secrets: Secrets
    verifier: DeliveryVerifier
    subjects: Mapping[str, str] = field(default_factory=dict)
    makers: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    site: str = "default"
    routing: Routing = field(default_factory=Routing)
    cutover: Mapping[str, date] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    probes: Mapping[str, Callable[[], Awaitable[str]]] = field(default_factory=dict)
    pulses: tuple[Pulse, ...] = ()
    paused_until: datetime | None = None
    credit_type: str | None = None
    _targets: dict[tuple[str, str], tuple[float, dict[str, str]]] = field(default_factory=dict)

    def pause(self, now: datetime, seconds: float) -> None:
        """Stops calls of this process for a while, after the other side refused the connection as a whole."""
        self.paused_until = now + timedelta(seconds=seconds)

    def known_target(self, entity: str, source_id: str) -> dict[str, str] | None:
        """The linked target's id and number if this process saw them in the last five minutes."""
        entry = self._targets.get((entity, source_id))
        return entry[1] if entry and entry[0] > time.monotonic() else None

    def remember_target(self, entity: str, source_id: str, target: dict[str, str]) -> None:
        """Keeps a linked target's id and number for five minutes, of as many records as memory is meant for."""
        self._targets.pop((entity, source_id), None)
        if len(self._targets) >= MOST_TARGETS:
            # The oldest comes first: a record that is told again goes to the end.
            self._targets.pop(next(iter(self._targets)))
        self._targets[entity, source_id] = (time.monotonic() + KNOWN_TARGET_SECONDS, target)

    def forget_target(self, entity: str, source_id: str) -> None:
        """Drops what is known of a target, after it was found to be gone."""
        self._targets.pop((entity, source_id), None)


@dataclass(frozen=True, slots=True)
class Site:
    """The connections of one ConnectWise site in their order: ``default`` first, then by age.

    Connections that are added come last, so the first one stays the first: it registers the callbacks, sweeps
    ConnectWise and decides where a record belongs.
    """

    name: str
    members: tuple[Connection, ...]

    @property
    def first(self) -> Connection:
        """The connection that hears of changes for all of them."""
        return self.members[0]

    def routes(self, subject: str) -> bool:
        """Whether records of the subject must be judged: there is a choice, or a rule."""
        return len(self.members) > 1 or any(one.routing.names(subject) for one in self.members)


class Connections(Protocol):
    """Where the engine finds its connections by name."""

    async def get(self, name: str) -> Connection:
        """The connection; raises StopConnection when there is none of that name."""
        ...

    async def names(self) -> list[str]:
        """All connection names."""
        ...

    async def site(self, name: str) -> Site:
        """The site of a connection with all its connections; raises StopConnection as :meth:`get` does."""
        ...

    async def refresh(self) -> None:
        """Reads anew what other processes may have changed."""
        ...
