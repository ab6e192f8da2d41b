"""``make host``: the functions alone, with the storage, ConnectWise and Business Central that the settings name."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from sandbox.azurite import DEFAULT_PORTS, Azurite, AzuriteError, connection_string, is_reachable, local_ports
from sandbox.host.__main__ import main as run_host
from sandbox.host.errors import HostError
from sandbox.host.settings import read_values

ROOT: Final = Path(__file__).resolve().parents[1]
_STORAGE: Final = "AzureWebJobsStorage"


def main(root: Path = ROOT) -> int:
    """Serves the app in ``root`` on ``PORT`` (7071); starts Azurite first if the settings name a local one that does not answer.

    Without ``AzureWebJobsStorage`` in the environment or in ``local.settings.json`` it is set to the local emulator.
    Emulated data is kept in ``.run/azurite``. Returns the exit code.
    """
    settings = root / "local.settings.json"
    arguments = ["--app", str(root), "--port", os.environ.get("PORT", "7071")]
    try:
        values = read_values(settings) if settings.is_file() else {}
        storage = os.environ.get(_STORAGE) or values.get(_STORAGE) or connection_string(DEFAULT_PORTS)
        os.environ[_STORAGE] = storage
        with _emulator(storage, root) or nullcontext():
            return run_host(arguments)
    except (AzuriteError, HostError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _emulator(storage: str, root: Path) -> Azurite | None:
    ports = local_ports(storage)
    if ports is None or is_reachable(ports):
        return None
    folder = root / ".run" / "azurite"
    folder.mkdir(parents=True, exist_ok=True)
    return Azurite(folder, ports)


if __name__ == "__main__":
    sys.exit(main())
