"""``python -m sandbox.host``: runs a function app folder until SIGTERM or SIGINT."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.host.errors import HostError
from sandbox.host.functions import HttpTrigger
from sandbox.host.host import FunctionHost, HostOptions
from sandbox.host.keys import Keys
from sandbox.host.listener import INVISIBILITY_SECONDS
from sandbox.host.logs import configure_logging
from sandbox.host.settings import load_settings

READY = "Host ready on "


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 1 after one line on standard error if the app cannot run."""
    options = _parse(arguments)
    try:
        return asyncio.run(_run(options))
    except HostError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.host", description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="folder with function_app.py and host.json")
    parser.add_argument("--port", type=int, default=7071, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--settings", type=Path, help="settings file (default: local.settings.json of the app)"
    )
    parser.add_argument(
        "--queue-invisibility",
        type=int,
        default=INVISIBILITY_SECONDS,
        metavar="SECONDS",
        help="how long a fetched message stays invisible unless renewed (default: %(default)s, as in Azure)",
    )
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace) -> int:
    folder: Path = options.app.resolve()
    settings: Path | None = options.settings
    if settings is None and (folder / "local.settings.json").is_file():
        settings = folder / "local.settings.json"
    own = load_settings(settings, os.environ)
    keys = Keys.from_options(own)
    timers = own.get("HOST_TIMERS", "on").lower() != "off"
    host = FunctionHost(
        HostOptions(folder, options.port, keys, timers, options.queue_invisibility), os.environ
    )
    configure_logging(host.config.logging.log_level)
    os.chdir(folder)
    stopping = asyncio.Event()
    _on_signal(stopping)
    try:
        await host.start()
        _announce(host, keys, given=set(own))
        await stopping.wait()
    finally:
        await host.stop()
    return 0


def _on_signal(stopping: asyncio.Event) -> None:
    """The first signal stops gracefully; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _announce(host: FunctionHost, keys: Keys, given: set[str]) -> None:
    prefix = "/".join(
        part for part in (host.url, host.config.extensions.http.route_prefix.strip("/")) if part
    )
    for function in host.functions.values():
        trigger = function.trigger
        route = f"{prefix}/{trigger.route}" if isinstance(trigger, HttpTrigger) else type(trigger).__name__
        print(f"  {function.name}: {'disabled' if function.disabled else route}")
    if "HOST_FUNCTION_KEY" not in given:
        print(f"Function key: {keys.function}")
    if "HOST_MASTER_KEY" not in given:
        print(f"Master key: {keys.master}")
    print(f"{READY}{host.url}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
