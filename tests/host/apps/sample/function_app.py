"""An app with one function of every kind. What ran is written to the file named by JOURNAL."""

import asyncio
import json
import logging
import os
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp()


def note(line: str) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(line + "\n")


async def released() -> None:
    """Waits for the sign of the test, which is another process."""
    sign = Path(os.environ["RELEASE"])
    while not await asyncio.to_thread(sign.exists):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@app.route("echo/{id:int}/{*rest}", methods=["GET", "PUT"], auth_level=func.AuthLevel.ANONYMOUS)
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "parameters": dict(req.route_params),
        "query": dict(req.params),
        "header": req.headers.get("X-Sent"),
        "body": req.get_body().decode(),
        "trace": context.trace_context.trace_parent,
        "options": [name for name in os.environ if name.startswith("HOST_")],
        "folder": Path.cwd().name,
    }
    headers = {"X-Answer": "yes", "Set-Cookie": "a=1; Path=/"}
    return func.HttpResponse(json.dumps(seen), status_code=201, headers=headers, mimetype="application/json")


@app.route()
def hello(req: func.HttpRequest) -> str:
    return f"hello {req.params.get('name', '')}"


@app.route("master", auth_level=func.AuthLevel.ADMIN)
async def master_only(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.route("items/{name}", auth_level=func.AuthLevel.ANONYMOUS)
async def item(req: func.HttpRequest) -> str:
    return f"any {req.route_params['name']}"


@app.route("items/special", auth_level=func.AuthLevel.ANONYMOUS)
async def special(req: func.HttpRequest) -> str:
    return "special"


@app.route("boom", auth_level=func.AuthLevel.ANONYMOUS)
async def boom(req: func.HttpRequest) -> str:
    raise RuntimeError("it broke here")


@app.route("cancelled", auth_level=func.AuthLevel.ANONYMOUS)
async def cancelled(req: func.HttpRequest) -> str:
    raise asyncio.CancelledError


@app.route("hold", auth_level=func.AuthLevel.ANONYMOUS)
async def hold(req: func.HttpRequest) -> str:
    note("hold")
    await released()
    return "released"


@app.route("off", auth_level=func.AuthLevel.ANONYMOUS)
async def off(req: func.HttpRequest) -> str:
    note("off ran")
    return "off"


@app.route("enqueue", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@app.queue_output(arg_name="work", queue_name="%WORK_QUEUE%", connection="Work")
async def enqueue(req: func.HttpRequest, work: func.Out[typing.List[str]]) -> func.HttpResponse:  # noqa: UP006 - runtime
    work.set([json.dumps(item) for item in req.get_json()])
    return func.HttpResponse(status_code=202)


@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection="Work")
@app.queue_output(arg_name="$return", queue_name="%DONE_QUEUE%", connection="Work")
async def work(message: func.QueueMessage) -> str:
    order = message.get_json()
    assert message.insertion_time is not None
    note(f"work {order['do']} {order.get('id', '')} attempt {message.dequeue_count}")
    if order["do"] == "fail":
        logging.warning("about to fail")
        raise ValueError(f"cannot do {order['id']}")
    if order["do"] == "hold":
        await released()
        note(f"work released {order['id']}")
    return f"done {order['id']}"


@app.timer_trigger(arg_name="timer", schedule="%TICK%", run_on_startup=True)
def tick(timer: func.TimerRequest) -> None:
    note(f"tick {timer.past_due}")
