"""What is synced: references to source records, links to target records and the state of both."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import simplejson

type Payload = dict[str, Any]

DEFAULT: Final = "default"
"""The name of the connection that the settings describe."""


@dataclass(frozen=True, slots=True, order=True)
class RecordRef:
    """One source record of one connection: ``default``, ``company``, ``12``."""

    connection: str
    subject: str
    id: str

    def __str__(self) -> str:
        return f"{self.connection}|{self.subject}|{self.id}"


def digest(source: Payload) -> str:
    """A short hash of a source record, without its bookkeeping ``_info``."""
    content = {name: value for name, value in source.items() if name != "_info"}
    text = simplejson.dumps(content, use_decimal=True, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class State(StrEnum):
    """Where a record stands for one entity."""

    DONE = "done"
    OUT_OF_SCOPE = "out_of_scope"
    WAITING = "waiting"
    RETRYING = "retrying"
    HELD = "held"

    @property
    def is_open(self) -> bool:
        """True while somebody or something still has to act."""
        return self in (State.WAITING, State.RETRYING, State.HELD)


@dataclass(slots=True)
class Link:
    """What is known of one source record for one entity, both ids and what was last written.

    ``written`` is the payload the target holds from us, ``fingerprint`` its hash, ``facts`` what the entity
    itself keeps (totals, batch, payments), ``step`` the last step of a document that is known to be done.
    """

    entity: str
    state: State = State.WAITING
    target_id: str | None = None
    target_number: str | None = None
    target_etag: str | None = None
    fingerprint: str = ""
    written: Payload = field(default_factory=dict)
    facts: Payload = field(default_factory=dict)
    step: str = ""
    cause: str = ""
    reason: str = ""
    todo: str = ""
    attempts: int = 0
    open_since: datetime | None = None
    synced_at: datetime | None = None


@dataclass(slots=True)
class Record:
    """The durable row of one source record: when it was last read in full, and its links by entity.

    ``retry_at`` is set while a retry waits in the queue: until then further hints add nothing.
    ``source_digest`` tells two states of the source apart that carry the same ``source_version``. ``trace`` is the
    traceparent of the newest pass, for the next one to name; empty where nothing is traced.
    """

    ref: RecordRef
    source_version: str = ""
    source_digest: str = ""
    read_at: datetime | None = None
    retry_at: datetime | None = None
    trace: str = ""
    links: dict[str, Link] = field(default_factory=dict)

    def link(self, entity: str) -> Link:
        """The link of the entity, a fresh one if there is none yet."""
        return self.links.setdefault(entity, Link(entity))
