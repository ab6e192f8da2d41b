"""What an oracle claims of a record of the back office, what was found, and whether both agree."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Claim:
    """What must become of one part of a record.

    ``documents`` of ``total`` together must be in Business Central, ``batches`` of ``marked`` together in ConnectWise;
    if there is a ``cause``, the part must be held for it besides.
    """

    entity: str
    kind: str
    cause: str = ""
    documents: int = 0
    total: Decimal = ZERO
    batches: int = 0
    marked: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Found:
    """What became of it, read from both systems and the work list; ``faults`` are contradictions in the books."""

    cause: str
    explained: bool
    documents: int
    total: Decimal
    batches: int
    marked: Decimal
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a record of the back office with both. ``mode`` is the manner in which its records are booked."""

    mode: str
    case: str
    currency: str
    number: str
    claim: Claim
    found: Found

    @property
    def kind(self) -> str:
        """The kind of document."""
        return self.claim.kind

    @property
    def label(self) -> str:
        """What it is, for a person who reads of a problem."""
        return f"{self.mode}, {self.claim.entity}, {self.case}"

    @property
    def expected(self) -> str:
        """The cause for which it must be held."""
        return self.claim.cause

    @property
    def cause(self) -> str:
        """The cause for which it is held."""
        return self.found.cause

    @property
    def connectwise(self) -> Decimal:
        """What must arrive, as it was entered in ConnectWise."""
        return self.claim.total

    @property
    def business_central(self) -> Decimal:
        """What arrived."""
        return self.found.total

    @property
    def difference(self) -> Decimal:
        """What must arrive less what did."""
        return self.connectwise - self.business_central

    @property
    def problem(self) -> str:
        """What is wrong with it, empty when it ended as it must."""
        claim, found = self.claim, self.found
        if found.cause != claim.cause:
            return f"expected {claim.cause or 'posted'}, found {found.cause or 'posted'}"
        if found.cause and not found.explained:
            return "held without a reason or without what to do"
        if found.documents != claim.documents:
            return f"{found.documents} documents instead of {claim.documents}"
        if self.difference:
            return f"differs by {self.difference}"
        if found.batches != claim.batches:
            return f"{found.batches} batches instead of {claim.batches}"
        if found.marked != claim.marked:
            return f"{found.marked} marked in ConnectWise instead of {claim.marked}"
        return "; ".join(found.faults)
