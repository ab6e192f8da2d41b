"""The bare floor: the three calls of the job by hand, with httpx. No queue, no look-back, no second try.

It shows what the calls cost by themselves. ``python -m sandbox.bench.floor`` reads its addresses from ``CW_URL``,
``BC_URL``, ``CW_AUTH``, ``CW_CLIENT``, ``BC_AUTH`` and listens on ``PORT``; ``GET /meter`` tells its processor time.
"""

import asyncio
import json
import os
import time
from typing import Final

import httpx
from aiohttp import web

CONNECTIONS: Final = 32


class Floor:
    """Takes an event, answers at once and does the job in the background."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self.http = httpx.AsyncClient(timeout=30, limits=limits)
        self.connectwise = os.environ["CW_URL"]
        self.customers = f"{os.environ['BC_URL']}/customers"
        self.cw = {"Authorization": os.environ["CW_AUTH"], "clientId": os.environ["CW_CLIENT"]}
        self.bc = {"Authorization": os.environ["BC_AUTH"]}
        self.tasks: set[asyncio.Task[None]] = set()
        self.app = web.Application()
        self.app.router.add_post("/hook", self.hook)
        self.app.router.add_get("/meter", self.meter)

    async def hook(self, request: web.Request) -> web.Response:
        """Acknowledges and forgets: what is in flight when the process dies is lost."""
        task = asyncio.create_task(self.job(json.loads(await request.read())["ID"]))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return web.Response()

    async def meter(self, _request: web.Request) -> web.Response:
        """Processor seconds of this process."""
        return web.json_response({"cpu": time.process_time()})

    async def job(self, record: int) -> None:
        """Read the company, look the customer up by number, change or make it; a failure ends the job."""
        url = f"{self.connectwise}/company/companies/{record}"
        company = (await self.http.get(url, headers=self.cw)).json()
        number = f"C{record:06d}"
        found = await self.http.get(
            self.customers, params={"$filter": f"number eq '{number}'"}, headers=self.bc
        )
        body = {
            "displayName": company["name"],
            "city": company["city"],
            "phoneNumber": company["phoneNumber"],
        }
        if rows := found.json().get("value"):
            match = self.bc | {"If-Match": rows[0]["@odata.etag"]}
            await self.http.patch(f"{self.customers}({rows[0]['id']})", json=body, headers=match)
        else:
            await self.http.post(self.customers, json={"number": number, **body}, headers=self.bc)


if __name__ == "__main__":

    async def create() -> web.Application:
        """The application, made on its own loop."""
        return Floor().app

    web.run_app(create(), host="127.0.0.1", port=int(os.environ["PORT"]), print=None, access_log=None)
