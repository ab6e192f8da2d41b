"""The tenant behind the stand-in: its credentials, settings, records and the current caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Final

from sandbox.connectwise.errors import ApiError
from sandbox.connectwise.store import Store
from sandbox.kit import Json, StandIn

BASE: Final = "/v4_6_release/apis/3.0"
# Links carry another host and a version codebase, as on the cloud: only page and pageId may be taken from them.
LINK_BASE: Final = "https://na.connectwise.invalid/v2026_4//apis/3.0"
ADMIN_MEMBER: Final = "admin"


@dataclass(slots=True)
class Settings:
    """What ``POST /admin/settings`` changes. Counts of 0 switch a rule off; times are seconds."""

    requests_per_minute: int = 0
    rate_window_seconds: float = 60.0
    keep_gl_batch_id: bool = True
    require_account_number_to_close: bool = False
    ignore_unknown_batch_records: bool = False
    credit_memo_negative_price: bool = False
    refuse_credit_payments: bool = False
    drop_credit_of_payments: bool = False
    credit_payment_type: str = ""
    receipt_fires_purchaseorder_callback: bool = True
    leak_unapproved_expenses: bool = False
    expense_approval_tiers: int = 1
    callback_timeout_seconds: float = 5.0
    callback_retry_seconds: list[float] = field(default_factory=lambda: [2.0, 4.0])
    callback_failures_to_disable: int = 0
    lose_callbacks: bool = False
    signing_key: str = "5d7c1f0e-signing-key"

    def change(self, values: Mapping[str, Json]) -> None:
        """Sets the named settings; raises 400 for an unknown name."""
        known = {item.name for item in fields(self)}
        if unknown := values.keys() - known:
            raise ApiError(400, "InvalidObject", f"unknown settings: {', '.join(sorted(unknown))}")
        for name, value in values.items():
            setattr(self, name, _plain(value))

    def show(self) -> Json:
        """All settings as JSON."""
        return {item.name: _exact(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller must present; ``member`` is the API member to whom the keys belong."""

    company: str
    public_key: str
    private_key: str
    client_id: str
    member: str


class Service(StandIn):
    """A stand-in with the records and settings of one ConnectWise tenant."""

    def __init__(self, credentials: Credentials, public_url: str = "") -> None:
        super().__init__("connectwise")
        self.credentials = credentials
        self.public_url = public_url
        self.settings = Settings()
        self.store = Store()

    @property
    def member(self) -> str:
        """The identifier of the API member, under whose name calls change records."""
        return self.credentials.member


def _plain(value: Json) -> Json:
    if isinstance(value, list):
        return [float(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def _exact(value: Json) -> Json:
    if isinstance(value, list):
        return [Decimal(str(item)) for item in value]
    return Decimal(str(value)) if isinstance(value, float) else value
