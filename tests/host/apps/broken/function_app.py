"""An app that fails while it is imported."""

import azure.functions as func

app = func.FunctionApp()

raise RuntimeError("the settings of this app are out of order")
