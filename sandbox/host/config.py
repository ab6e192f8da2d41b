"""host.json: read, validated, and reduced to what this host obeys."""

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sandbox.host.errors import HostError

_OVERRIDE: Final = "AzureFunctionsJobHost__"
_TIMESPAN: Final = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(\.\d{1,7})?")


def parse_timespan(text: object) -> timedelta:
    """Reads a .NET time span ``[d.]hh:mm:ss[.fffffff]``; raises ``ValueError`` on any other form."""
    match = _TIMESPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("must be a time span like 00:00:30")
    days, hours, minutes, seconds, fraction = match.groups()
    return timedelta(int(days or 0), int(seconds), 0, 0, int(minutes), int(hours)) + timedelta(
        seconds=float(fraction or 0)
    )


type Timespan = Annotated[timedelta, BeforeValidator(parse_timespan)]
type LogLevel = Literal["Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"]


class _Section(BaseModel):
    """A part of host.json. Members that only steer Azure are accepted and not interpreted."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


class QueueOptions(_Section):
    """``extensions.queues`` with the defaults and bounds of the storage extension. A misspelt member is an error."""

    model_config = ConfigDict(extra="forbid")

    batch_size: int = Field(16, ge=1, le=32)
    new_batch_threshold: int | None = Field(None, ge=0)
    max_dequeue_count: int = Field(5, ge=1)
    visibility_timeout: Timespan = timedelta(0)
    max_polling_interval: Timespan = Field(timedelta(minutes=1), ge=timedelta(milliseconds=100))
    message_encoding: Literal["base64", "none"] = "base64"

    @property
    def threshold(self) -> int:
        """A new batch is fetched once no more messages than this are in flight; by default half a batch per CPU."""
        if self.new_batch_threshold is None:
            return self.batch_size // 2 * (os.cpu_count() or 1)
        return self.new_batch_threshold


class HttpOptions(_Section):
    """``extensions.http``: the path before every route; an empty text means none."""

    route_prefix: str = "api"


class Extensions(_Section):
    """``extensions``: one section per trigger kind."""

    queues: QueueOptions = QueueOptions()
    http: HttpOptions = HttpOptions()


class Logging(_Section):
    """``logging``: the least level per category; ``default`` is for every other."""

    log_level: dict[str, LogLevel] = {}


class ExtensionBundle(_Section):
    """``extensionBundle``: which storage and timer extensions Azure loads; this host only wants it well-formed."""

    id: str
    version: str


class HostConfig(_Section):
    """The whole of host.json."""

    version: Literal["2.0"]
    logging: Logging = Logging()
    extensions: Extensions = Extensions()
    extension_bundle: ExtensionBundle | None = None


def load_config(folder: Path, environment: Mapping[str, str] | None = None) -> HostConfig:
    """Reads ``host.json`` of an app folder; raises ``HostError`` naming the faulty member.

    A setting such as ``AzureFunctionsJobHost__extensions__queues__batchSize`` wins over the file, as in Azure.
    """
    path = folder / "host.json"
    try:
        document = json.loads(path.read_bytes())
        for name, value in (environment or {}).items():
            if name.startswith(_OVERRIDE) and isinstance(document, dict):
                _put(document, name.removeprefix(_OVERRIDE).split("__"), value)
        return HostConfig.model_validate(document)
    except OSError as error:
        raise HostError(f"cannot read {path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise HostError(f"{path}: document: Invalid JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        member = ".".join(str(part) for part in first["loc"])
        raise HostError(f"{path}: {member or 'document'}: {first['msg']}") from error


def _put(document: dict[str, Any], members: list[str], value: str) -> None:
    *parents, last = members
    for parent in parents:
        document = document.setdefault(parent, {})
    document[last] = value
