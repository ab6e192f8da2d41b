"""What a test or the demo may change about the environment while it runs."""

from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Literal

from sandbox.kit import Json

DEFAULT_CLIENT = "5f1c1d6e-3f0a-4c53-9a53-0f6f6f1d2a10"
DEFAULT_USER = "dynaconnect"
ISSUER = "https://login.microsoftonline.com/11111111-0000-4000-8000-000000000000/v2.0"
IDENTITY = "44444444-0000-4000-8000-000000000000"
"""The object id of the identity that the registration trusts."""
EXCHANGE = "api://AzureADTokenExchange"
_NUMBERED = ("customers", "vendors", "items", "employees", "bankAccounts", "projects")


@dataclass(slots=True)
class Settings:
    """Settings of one environment; every name may be sent to ``POST /admin/settings``.

    ``federated`` is the credential by which the registration trusts an identity; ``templates`` says for which sets new records get their posting group. Durations are in seconds, rates are LCY per unit of currency, tax rates are percent by tax group code.
    """

    basic_users: dict[str, str] = field(default_factory=lambda: {DEFAULT_USER: "web-service-key"})
    clients: dict[str, str] = field(default_factory=lambda: {DEFAULT_CLIENT: "client-secret"})
    federated: dict[str, str] = field(
        default_factory=lambda: {"issuer": ISSUER, "subject": IDENTITY, "audience": EXCHANGE}
    )
    token_seconds: int = 3599
    manual_nos: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(_NUMBERED, True))
    templates: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(_NUMBERED, True))
    tax_rates: dict[str, Decimal] = field(
        default_factory=lambda: {
            "NONTAXABLE": Decimal(0),
            "STANDARD": Decimal("8.25"),
            "REDUCED": Decimal("4.5"),
        }
    )
    tax_rounding: Literal["line", "document"] = "line"
    exchange_rates: dict[str, Decimal] = field(
        default_factory=lambda: {"EUR": Decimal("1.10"), "GBP": Decimal("1.25")}
    )
    shipment_on_invoice: bool = False
    ext_doc_no_mandatory: bool = True
    default_receive_quantity: Literal["remainder", "blank"] = "remainder"
    relation_errors: Literal["relation", "dialog"] = "relation"
    stale_status: Literal[409, 412] = 412
    computed_filters: bool = False
    encoded_enum_filters: bool = True
    document_attachments: bool = True
    """Whether the set documentAttachments is there (since 22.1)."""
    size_of_one_file: bool = True
    """Whether a list of document attachments with a single row tells its size (codeunit Graph Mgt - Attachment Buffer)."""
    page_cap: int = 20_000
    batch_cap: int = 100
    batch_counts_operations: bool = True
    batch_null_ids: bool = False
    analytics_version: str = "v1.0"
    webhook_delay: float = 30.0
    webhook_threshold: int = 1_000
    webhook_retries: list[float] = field(default_factory=lambda: [60.0, 60.0, 600.0, 6_000.0, 60_000.0])
    webhook_timeout: float = 30.0
    handshake_method: Literal["GET", "POST"] = "POST"
    handshake_timeout: float = 5.0
    subscription_lifetime: float = 3 * 86_400.0
    subscription_limit: int = 200
    client_state_length: int = 50
    concurrent_limit: int = 5
    queue_limit: int = 95
    request_limit: int = 6_000
    request_window: float = 300.0
    retry_after: int = 0

    def change(self, values: dict[str, Json]) -> None:
        """Sets the named settings; dictionaries are merged. Raises ``ValueError`` on an unknown name."""
        known = {item.name for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting: {name}")
            current = getattr(self, name)
            match current:
                case dict():
                    numbers = name in {"tax_rates", "exchange_rates"}
                    merged = {key: Decimal(item) if numbers else item for key, item in value.items()}
                    setattr(self, name, current | merged)
                case list():
                    setattr(self, name, [float(item) for item in value])
                case float():
                    setattr(self, name, float(value))
                case _:
                    setattr(self, name, value)

    def shown(self) -> dict[str, Json]:
        """The settings as JSON, without the secrets of clients and users."""
        values: dict[str, Json] = asdict(self)
        values["basic_users"], values["clients"] = sorted(self.basic_users), sorted(self.clients)
        return {key: _plain(value) for key, value in values.items()}


def _plain(value: Json) -> Json:
    if isinstance(value, float):
        return Decimal(str(value))
    return [_plain(item) for item in value] if isinstance(value, list) else value
