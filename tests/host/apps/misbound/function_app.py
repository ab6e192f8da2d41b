"""An app whose function lacks the parameter that its trigger fills."""

import azure.functions as func

app = func.FunctionApp()


@app.queue_trigger(arg_name="message", queue_name="orders", connection="AzureWebJobsStorage")
async def take(msg: func.QueueMessage) -> None:
    """Takes nothing, for its parameter has the wrong name."""
