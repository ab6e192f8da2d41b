"""An app that needs a setting nobody gives."""

import azure.functions as func

app = func.FunctionApp()


@app.queue_trigger(arg_name="message", queue_name="%NO_SUCH_SETTING%", connection="AzureWebJobsStorage")
async def take(message: func.QueueMessage) -> None:
    """Takes nothing, for its queue has no name."""
