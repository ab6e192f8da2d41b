"""The small message in the queue: a hint that a record may have changed, never the record itself."""

import secrets
import uuid
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

import simplejson

from shared.domain.records import RecordRef

_TYPES: Final = {"attempt": int, "options": dict}
ON_DEMAND: Final = "on demand"
"""The reason of a hint made by a person: it never waits for a planned retry."""
PROBE: Final = "rest"
"""The subject of a sweep message that asks whether a system that was away is back."""
INTERRUPTED: Final = "interrupted"
"""The reason of a hint whose pass could not be stored: like a message that is delivered again, it covers nothing."""
GUARD: Final = "guard"
"""The reason of a hint that looks, when a lease ends, whether its holder did what it was asked meanwhile."""
BACKLOG: Final = "backlog"
"""The reason of a hint about a record that ConnectWise lists as not yet exported."""
ADDED: Final = "callback added"
"""The reason of a hint about a record that was just made."""
LOAD: Final = "load"
"""The reason of the hints of a first load; as an option it asks for one, or says that the record is new."""
NOTIFICATION: Final = "notification"
"""The reason of a hint that Business Central gave."""
POISON: Final = "poison|"
"""How the name begins under which a message is kept that was given up."""
POISONED: Final = "poisoned"
"""The option of a message that counts how often it was taken out of the poison queue."""
ARRIVED: Final = "dependency arrived"
"""The reason of a hint for a record that waited."""
NEEDED_BY: Final = "needed by"
"""How the reason of a hint begins that another, waiting record made."""
FIGURES: Final = "figures"
"""The subject of a sweep message that takes the figures instead of sweeping records."""
RETENTION: Final = "retention"
"""The subject of a sweep message that takes old history away."""
ERASE: Final = "erase"
"""The subject of a sweep message that forgets a connection."""
FIRST_START: Final = "first start"
"""The reason of the first registration of hooks, with which the rights in both systems are looked at once."""
MAX_BYTES: Final = 48 * 1024
"""A queue message holds 64 KiB of base64, so 48 KiB of payload."""


def new_correlation() -> str:
    """A fresh correlation id, 32 hexadecimal digits."""
    return uuid.uuid4().hex


def new_traceparent(correlation: str) -> str:
    """A W3C traceparent whose trace id is the correlation id."""
    return f"00-{correlation}-{secrets.token_hex(8)}-01"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A hint: ``entity`` is the subject (such as ``company``), ``when`` the moment the change was known.

    ``only`` narrows the pass to one entity of the subject, ``apply`` false makes it a dry run, ``origin`` is
    the process that made it (its clock is comparable with itself), ``attempt`` counts automatic retries.
    """

    connection: str
    entity: str
    id: str
    why: str
    when: datetime
    correlation: str = field(default_factory=new_correlation)
    traceparent: str = ""
    attempt: int = 0
    origin: str = ""
    only: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def ref(self) -> RecordRef:
        """The source record this hint is about."""
        return RecordRef(self.connection, self.entity, self.id)

    def again(self, why: str) -> Self:
        """The same hint for a further automatic try."""
        return replace(self, why=why, attempt=self.attempt + 1)

    def to_json(self) -> str:
        """ASCII JSON; raises ``ValueError`` beyond 48 KiB."""
        values = asdict(self)
        values["when"] = self.when.astimezone(UTC).isoformat()
        text: str = simplejson.dumps({k: v for k, v in values.items() if v not in ("", {}, None)})
        if len(text) > MAX_BYTES:
            raise ValueError(f"an envelope of {len(text)} bytes does not fit into a queue message")
        return text

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what :meth:`to_json` wrote; raises ``ValueError`` with the place of what is wrong."""
        try:
            values = simplejson.loads(text)
        except RecursionError as error:
            raise ValueError("an envelope is not nested that deeply") from error
        if not isinstance(values, dict):
            raise ValueError("an envelope is a JSON object")
        missing = [name for name in ("connection", "entity", "id", "why", "when") if name not in values]
        if missing:
            raise ValueError(f"envelope without {', '.join(missing)}")
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"envelope with unknown {', '.join(sorted(unknown))}")
        for name, value in values.items():
            if type(value) is not _TYPES.get(name, str):
                raise ValueError(f"envelope.{name} is a {type(value).__name__}")
        values["when"] = datetime.fromisoformat(values["when"])
        if values["when"].tzinfo is None:
            raise ValueError("envelope.when has no time zone")
        return cls(**values)
