"""The document of a connection: which ConnectWise site, which company of Business Central, which records.

Secrets are no part of it: they are in Key Vault under the connection's name. Unknown words are refused, and words
that look like a secret with a sentence that says where it belongs.
"""

import re
from dataclasses import fields
from datetime import date
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from shared.engine.connections.connection import Options
from shared.mapping import RoutingRule
from shared.mapping.document import Strict
from shared.mapping.loading import load_as
from shared.mapping.problems import did_you_mean

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_SITE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SECRET: Final = re.compile(r"(?i)key$|secret|password|certificate|token|credential")
LONGEST_NAME: Final = 30
LARGEST_FILE_MB: Final = 300
"""Business Central takes bodies of up to 350 MB (Microsoft, "Operational limits")."""
RESERVED: Final = frozenset({"connections"})


def wrong(text: str) -> PydanticCustomError:
    """A validation error in our own words; it never repeats a value, which could be a secret."""
    return PydanticCustomError("connection", "{text}", {"text": text})


def name_problem(name: str) -> str:
    """Why a text cannot be a connection's name, empty if it can."""
    if name in RESERVED:
        return f"'{name}' is reserved"
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        return f"a name has at most {LONGEST_NAME} small letters, digits and single hyphens between them"
    return ""


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise wrong("an address such as https://host/path is needed") from None
    if parts.scheme not in ("http", "https") or not host:
        raise wrong("an address such as https://host/path is needed")
    if parts.scheme == "http" and host not in LOCAL_HOSTS:
        raise wrong("the address must start with https:// (http is for this machine only)")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise wrong("an address holds no user, password or query")
    return text.rstrip("/")


def _site(text: str) -> str:
    if len(text) > 50 or not _SITE.fullmatch(text):
        raise wrong("a site's name has letters, digits, blanks, dots and hyphens, at most 50")
    return text


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise wrong("a day such as 2026-01-31 is needed")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise wrong("there is no such day; write it as 2026-01-31") from None


def _options(value: Any) -> Any:
    known = [one.name for one in fields(Options)]
    for word in value if isinstance(value, dict) else ():
        if word not in known:
            raise wrong(f"unknown option '{word}'{did_you_mean(str(word), known)}")
    return value


def _policies(options: Options) -> Options:
    if options.missing_dimension not in ("hold", "skip") and not options.missing_dimension.startswith(
        "default:"
    ):
        raise wrong("missing_dimension is hold, skip or default: and a value")
    if options.expense_tiers not in (1, 2):
        raise wrong("expense_tiers is 1 or 2")
    if options.penny_cap < 0 or not options.penny_cap.is_finite():
        raise wrong("penny_cap is an amount of zero or more")
    if options.vendor_bills not in ("accounts_payable", "purchase_invoice"):
        raise wrong("vendor_bills is accounts_payable or purchase_invoice")
    if options.expense_reports not in ("purchase_invoice", "journal"):
        raise wrong("expense_reports is purchase_invoice or journal")
    if options.credit_applications not in ("payment", "note"):
        raise wrong("credit_applications is payment or note")
    if options.attachments not in ("hold", "note", "off"):
        raise wrong("attachments is hold, note or off")
    if not 1 <= options.attachment_limit_mb <= LARGEST_FILE_MB:
        raise wrong(f"attachment_limit_mb is a whole number from 1 to {LARGEST_FILE_MB}")
    return options


Address = Annotated[str, AfterValidator(_address)]
Text = Annotated[str, Field(min_length=1)]
SiteName = Annotated[str, AfterValidator(_site)]
Day = Annotated[date, BeforeValidator(_day)]
Policies = Annotated[Options, BeforeValidator(_options), AfterValidator(_policies)]


class Part(Strict):
    """A part of the document; a word that names a secret is refused with the place where secrets are kept."""

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, data: Any) -> Any:
        for word in data if isinstance(data, dict) else ():
            if word not in cls.model_fields and _SECRET.search(word):
                raise wrong(f"'{word}' is a secret: keep it in Key Vault, not here")
        return data


class ConnectWisePart(Part):
    """How to reach the ConnectWise site."""

    url: Address
    company: Text
    client_id: Text


class BusinessCentralPart(Part):
    """How to reach the company of Business Central; ``authority`` overrides the login service, for tests."""

    url: Address
    company: Text
    auth: Literal["managed_identity", "certificate", "client_secret", "basic"]
    tenant: str = ""
    client_id: str = ""
    username: str = ""
    authority: Address | Literal[""] = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = ("username",) if self.auth == "basic" else ("tenant", "client_id")
        if missing := [name for name in needed if not getattr(self, name)]:
            raise wrong(f"{self.auth} needs {' and '.join(missing)}")
        return self


class ConnectionDocument(Part):
    """A connection. Those of one ``site`` share its callbacks and sweeps; ``routing`` says who takes what.

    ``enabled`` false switches it off without forgetting it. ``cutover`` has the first day of the documents that travel, by entity. ``connectwise`` and
    ``business_central`` are given for every connection but ``default``, which has them from the settings.
    """

    title: str = ""
    enabled: StrictBool = True
    site: SiteName | None = None
    connectwise: ConnectWisePart | None = None
    business_central: BusinessCentralPart | None = None
    routing: dict[str, RoutingRule] = Field(default_factory=dict)
    cutover: dict[str, Day] = Field(default_factory=dict)
    post_invoices: StrictBool | None = None
    options: Policies = Options()

    @property
    def systems(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """What tells the ConnectWise site and the Business Central company from others, whatever their spelling."""
        return _identity(self.connectwise), _identity(self.business_central)


def _identity(part: ConnectWisePart | BusinessCentralPart | None) -> tuple[str, str]:
    return (part.url.rstrip("/").casefold(), part.company.strip().casefold()) if part else ("", "")


def load_connection(text: str) -> ConnectionDocument:
    """Reads a document from JSON; raises MappingError with every problem and its place."""
    return load_as(ConnectionDocument, text)
