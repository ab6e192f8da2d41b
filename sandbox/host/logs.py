"""Log lines: one readable form on standard error, with the levels of host.json."""

import logging
import sys
from collections.abc import Mapping
from typing import Final

_LEVELS: Final = {
    "Trace": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
    "None": logging.CRITICAL + 1,
}
_NOISY: Final = ("azure", "aiohttp", "asyncio", "httpx", "httpcore")


def configure_logging(levels: Mapping[str, str]) -> None:
    """Applies the ``logLevel`` of host.json: ``Function`` is what the app logs, ``Host.*`` what this host logs."""
    default = _LEVELS[levels.get("default", "Information")]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(_LEVELS[levels["Function"]] if "Function" in levels else default)
    logging.getLogger("Host").setLevel(default)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for category, level in levels.items():
        if category not in {"default", "Function"}:
            logging.getLogger(category).setLevel(_LEVELS[level])
