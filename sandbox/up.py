"""``make up``: starts everything, fills ConnectWise with a little to look at, and leaves it running."""

import asyncio
import contextlib
import random
import signal

from sandbox.demo import people
from sandbox.stage import Stage

COMPANIES = slice(0, 12)


async def main() -> None:
    """Runs until it is interrupted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Stage(settings={"HOST_TIMERS": "on"}) as stage:
        await people.reference_data(stage)
        await stage.run("keep_hooks")
        await stage.in_connectwise("companies", people.companies(random.Random(1))[COMPANIES])
        print(addresses(stage), flush=True)
        await stop.wait()


def addresses(stage: Stage) -> str:
    """Where everything answers, and the keys to it."""
    return f"""
functions           {stage.host.url}/api
  function key      {stage.host.function_key}
  master key        {stage.host.master_key}
ConnectWise         {stage.connectwise_url}/v4_6_release/apis/3.0
  do things there   POST {stage.connectwise_url}/admin/...
Business Central    {stage.business_central_url}/api/v2.0
  do things there   POST {stage.business_central_url}/admin/...
storage             {stage.azurite.connection_string().split("BlobEndpoint=")[1].split(";")[0]} (Azurite, in memory)

What is open now    curl -H 'x-functions-key: {stage.host.function_key}' {stage.host.url}/api/work
One record          curl -H 'x-functions-key: {stage.host.function_key}' {stage.host.url}/api/records/customer/1001
Run a timer         curl -X POST -H 'x-functions-key: {stage.host.master_key}' \\
                      -H 'Content-Type: application/json' -d '{{}}' {stage.host.url}/admin/functions/catch_up
A new company       curl -d '{{"identifier": "Acme", "name": "Acme Ltd", "types": [{{"id": 1}}]}}' \\
                      {stage.connectwise_url}/admin/companies

Ctrl+C ends everything.
"""


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
