"""The app as the functions get it: imported and built with the first thing to do.

The host imports the functions to learn their names and triggers; only a function that runs needs the app, its
libraries and its documents. So nothing here or in the functions' modules imports them before.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.app import App
    from shared.ports.telemetry import Telemetry


async def get_app() -> "App":
    """The app of this process, built at the first call."""
    from shared import app

    return await app.get_app()


def get_telemetry() -> "Telemetry":
    """Where this process tells of its work, also while the app cannot be built."""
    from shared import app

    return app.get_telemetry()


def get_assembled() -> "App":
    """The app as it is: nothing is made, and nothing need answer."""
    from shared import app

    return app.get_assembled()


def sign_in_is_on() -> bool:
    """Whether App Service signs people in."""
    from shared import app

    return app.sign_in_is_on()
