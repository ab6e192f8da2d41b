"""The settings of the connection ``default``, read once and checked with one message that names every fault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self
from urllib.parse import urlsplit

AUTH_KINDS: Final = ("managed_identity", "certificate", "client_secret", "basic")
LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
LONGEST_LEASE_SECONDS: Final = 3600
LONGEST_OPERATION_SECONDS: Final = 86_400
MOST_MONTHS: Final = 120


class SettingsError(Exception):
    """Settings are missing or malformed; the text names each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("DynaConnect cannot start: " + "; ".join(problems) + ".")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ConnectWiseSettings:
    """How to reach ConnectWise. The two keys are secrets and come from the secrets provider."""

    url: str
    company: str
    client_id: str


@dataclass(frozen=True, slots=True)
class BusinessCentralSettings:
    """How to reach Business Central.

    ``authority`` overrides the login service, for tests; ``identity_client_id`` names the user-assigned identity.
    """

    url: str
    company: str
    auth: str
    tenant: str = ""
    client_id: str = ""
    username: str = ""
    authority: str = ""
    identity_client_id: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the app reads from its settings, except secrets."""

    connectwise: ConnectWiseSettings
    business_central: BusinessCentralSettings
    public_url: str
    key_vault_url: str = ""
    storage: Mapping[str, str] = field(default_factory=dict)
    lease_time: timedelta = timedelta(seconds=120)
    operation_time: timedelta = timedelta(seconds=600)
    post_invoices: bool = True
    history_months: int = 12
    audit_months: int = 24
    secrets_in_settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Reads and checks the settings; raises SettingsError naming every missing or malformed one."""
        reader = _Reader(environment)
        auth = reader.choice("BUSINESS_CENTRAL_AUTH", AUTH_KINDS)
        vault = reader.url("KEY_VAULT_URL", needed=False)
        settings = cls(
            connectwise=ConnectWiseSettings(
                url=reader.url("CONNECTWISE_URL"),
                company=reader.text("CONNECTWISE_COMPANY"),
                client_id=reader.text("CONNECTWISE_CLIENT_ID"),
            ),
            business_central=BusinessCentralSettings(
                url=reader.url("BUSINESS_CENTRAL_URL"),
                company=reader.text("BUSINESS_CENTRAL_COMPANY"),
                auth=auth,
                tenant=reader.text("BUSINESS_CENTRAL_TENANT", needed=auth not in ("", "basic")),
                client_id=reader.text("BUSINESS_CENTRAL_CLIENT_ID", needed=auth not in ("", "basic")),
                username=reader.text("BUSINESS_CENTRAL_USERNAME", needed=auth == "basic"),
                authority=reader.url("BUSINESS_CENTRAL_AUTHORITY", needed=False),
                identity_client_id=reader.text("AZURE_CLIENT_ID", needed=False),
            ),
            public_url=reader.url("PUBLIC_URL"),
            key_vault_url=vault,
            storage=reader.storage(),
            lease_time=timedelta(
                seconds=reader.number("DYNACONNECT_LEASE_SECONDS", 120, most=LONGEST_LEASE_SECONDS)
            ),
            operation_time=timedelta(
                seconds=reader.number("DYNACONNECT_OPERATION_SECONDS", 600, most=LONGEST_OPERATION_SECONDS)
            ),
            post_invoices=reader.flag("DYNACONNECT_POST_INVOICES", default=True),
            history_months=reader.number("DYNACONNECT_HISTORY_MONTHS", 12, most=MOST_MONTHS),
            audit_months=reader.number("DYNACONNECT_AUDIT_MONTHS", 24, most=MOST_MONTHS),
            secrets_in_settings={} if vault else reader.secrets(auth),
        )
        reader.finish()
        return settings


SIGN_IN: Final = "WEBSITE_AUTH_ENABLED"
"""What App Service sets for the app while it signs people in; nobody else may set it."""


def signs_in(environment: Mapping[str, str]) -> bool:
    """Whether App Service signs people in, and so keeps clients from naming a principal of their own."""
    return environment.get(SIGN_IN, "").strip().lower() == "true"


TELEMETRY: Final = "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY"
"""The runtime's own setting: whoever sets it has telemetry set up before the app is read."""


def tells(environment: Mapping[str, str]) -> bool:
    """Whether the Functions runtime was told to set up telemetry, which can be asked before all else is in order."""
    return environment.get(TELEMETRY, "").strip().lower() in ("true", "1")


SECRETS: Final = ("CONNECTWISE_PUBLIC_KEY", "CONNECTWISE_PRIVATE_KEY")
SECRETS_OF_AUTH: Final = {
    "client_secret": ("BUSINESS_CENTRAL_CLIENT_SECRET",),
    "certificate": ("BUSINESS_CENTRAL_CERTIFICATE",),
    "basic": ("BUSINESS_CENTRAL_PASSWORD",),
    "managed_identity": (),
    "": (),
}


@dataclass(slots=True)
class _Reader:
    """Collects what is wrong, so that one message can name it all."""

    environment: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, name: str, *, needed: bool = True) -> str:
        value = self.environment.get(name, "").strip()
        if needed and not value:
            self.problems.append(f"{name} is missing")
        return value

    def url(self, name: str, *, needed: bool = True) -> str:
        value = self.text(name, needed=needed).rstrip("/")
        if not value:
            return ""
        try:
            parts = urlsplit(value)
            scheme, host, _ = parts.scheme, parts.hostname, parts.port
        except ValueError:
            scheme, host = "", None
        if scheme not in ("http", "https") or not host:
            self.problems.append(f"{name} is not an address such as https://host/path")
        elif scheme == "http" and host not in LOCAL_HOSTS:
            self.problems.append(f"{name} must start with https:// (http is for this machine only)")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name)
        if value and value not in allowed:
            self.problems.append(f"{name} is {value!r} but must be one of {', '.join(allowed)}")
            return ""
        return value

    def number(self, name: str, default: int, *, most: int) -> int:
        value = self.environment.get(name, "").strip()
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= most):
            self.problems.append(f"{name} is {value[:20]!r} but must be a whole number from 1 to {most}")
            return default
        return int(value)

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.environment.get(name, "").strip().lower()
        if value not in ("", "true", "false"):
            self.problems.append(f"{name} is {value!r} but must be true or false")
        return default if not value else value == "true"

    def storage(self) -> dict[str, str]:
        prefix = "AzureWebJobsStorage"
        found = {k: v for k, v in self.environment.items() if k == prefix or k.startswith(f"{prefix}__")}
        if not any(found.values()):
            self.problems.append(f"{prefix} is missing")
        elif connection := found.get(prefix, ""):
            if not all("=" in part for part in connection.strip(";").split(";")):
                self.problems.append(
                    f"{prefix} is not a connection string such as AccountName=...;AccountKey=..."
                )
        elif not found.get(f"{prefix}__accountName"):
            needed = [f"{prefix}__{service}ServiceUri" for service in ("queue", "table")]
            self.problems += [f"{name} is missing" for name in needed if not found.get(name)]
        return found

    def secrets(self, auth: str) -> dict[str, str]:
        every = (*SECRETS, *(name for names in SECRETS_OF_AUTH.values() for name in names))
        others = {
            name: value
            for name, value in self.environment.items()
            if name.partition("__")[2] in every and value
        }
        return others | {name: self.text(name) for name in (*SECRETS, *SECRETS_OF_AUTH[auth])}

    def finish(self) -> None:
        if self.problems:
            raise SettingsError(self.problems)
