"""DynaConnect's entry point: the Functions host finds every function here."""

import os

import azure.functions as func

from shared.settings import Settings
from shared.triggers import BLUEPRINTS

# Read here so that bad settings stop the start with one message that names each.
Settings.read(os.environ)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for blueprint in BLUEPRINTS:
    app.register_functions(blueprint)
