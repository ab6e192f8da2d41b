"""App settings: the local settings file, ``%NAME%`` expressions, connections and switched-off functions."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.host.errors import HostError

HOST_OPTIONS: Final = ("HOST_FUNCTION_KEY", "HOST_MASTER_KEY", "HOST_TIMERS")
"""Settings that steer this host. They never reach the app, which could tell by them where it runs."""

_EXPRESSION: Final = re.compile(r"%([^%]+)%")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Read-only view of the app settings, which are environment variables, as in Azure."""

    values: Mapping[str, str]

    def expand(self, text: str, where: str) -> str:
        """Replaces every ``%NAME%`` in a binding value; raises ``HostError`` naming ``where`` if one is not set."""

        def value_of(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in self.values:
                raise HostError(f"{where}: %{name}% does not resolve, the app setting {name} is missing")
            return self.values[name]

        return _EXPRESSION.sub(value_of, text)

    def connection_string(self, connection: str, where: str) -> str:
        """The storage connection string behind a binding's connection name; raises ``HostError`` if not set.

        The host looks for the name with the prefix ``AzureWebJobs`` first, then for the plain name.
        """
        for name in (f"AzureWebJobs{connection}", connection):
            if self.values.get(name):
                return self.values[name]
        raise HostError(f"{where}: the storage connection {connection} is missing from the app settings")

    def is_disabled(self, function: str) -> bool:
        """Whether ``AzureWebJobs.<function>.Disabled`` (or the form with underscores, for Linux) switches it off."""
        names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
        return any(self.values.get(name, "").lower() in {"true", "1"} for name in names)


def load_settings(path: Path | None, environment: MutableMapping[str, str]) -> dict[str, str]:
    """Fills the environment from ``Values`` of a local settings file and returns the host's own options.

    What the environment already says wins over the file. ``HOST_OPTIONS`` are taken out of the environment.
    Raises ``HostError`` on a file that is missing, encrypted or not of that form.
    """
    values = {} if path is None else read_values(path)
    options = {name: environment.pop(name, values.get(name, "")) for name in HOST_OPTIONS}
    for name, value in values.items():
        if name not in HOST_OPTIONS:
            environment.setdefault(name, value)
    return {name: value for name, value in options.items() if value}


def read_values(path: Path) -> dict[str, str]:
    """The member ``Values`` of a local settings file; raises ``HostError`` if it cannot be had."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise HostError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise HostError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("IsEncrypted"):
        raise HostError(f"{path} must be an unencrypted JSON object with a member Values")
    values = document.get("Values", {})
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise HostError(f"{path}: Values must be an object whose members are all strings")
    return values
