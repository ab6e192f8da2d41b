"""A small day on the real host, which sends its telemetry by the real exporter to a collector."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from infra_checks.nodes import Object, Text
from infra_checks.syntax import parse
from sandbox.azurite import Azurite
from sandbox.demo import people
from sandbox.demo.waiting import quiet, until
from sandbox.monitor.collector import Collector, Row
from sandbox.stage import LOCAL, ROOT, Stage

PRIVATE: Final = {
    "identifier": "Vrenelisgaertli",
    "name": "Vrenelisgaertli Buchhandlung",
    "addressLine1": "Hinterhofweg 77",
    "city": "Quintenmatt",
    "zip": "QU9 1VZ",
    "phoneNumber": "+41 55 555 31 99",
    "invoiceToEmailAddress": "buchhaltung@vrenelisgaertli.example",
    "website": "https://vrenelisgaertli.example",
}
"""What belongs to a customer and must not be told; none of it can be part of a number or an id by chance."""

PREFIXES: Final = ("APPLICATIONINSIGHTS_", "OTEL_", "PYTHON_")
LEASE: Final = {"DYNACONNECT_LEASE_SECONDS": "10"}
"""A hint that found its record at work leaves a guard in the queue for as long as the lease may last."""
TERMS: Final = "Zahlbar nach Ernte"
"""A text of a record that no mapping knows: the reason of the hold quotes it."""


def settings_of_azure() -> dict[str, str]:
    """The settings about telemetry that the Bicep files give the app, as far as they are fixed there."""
    path = "infra/modules/function-app.bicep"
    file, problems = parse(path, (ROOT / path).read_text())
    assert not problems
    properties = file.resources["settings"].body.get("properties")
    assert isinstance(properties, Object)
    fixed = {
        str(entry.key.literal): entry.value.literal
        for entry in properties.entries
        if isinstance(entry.value, Text) and entry.value.literal is not None
    }
    return {name: value for name, value in fixed.items() if name.startswith(PREFIXES)}


class Day:
    """The stage, the collector and what happened."""

    def __init__(self, azurite: Azurite) -> None:
        self.collector = Collector()
        self.company: dict[str, Any] = {}
        self.invoice: dict[str, Any] = {}
        self.stage: Stage
        self._azurite = azurite
        self._runner = web.AppRunner(self.collector.app)

    async def play(self) -> None:
        """Everything that the alerts and the workbook tell of happens once; returns when all of it was sent."""
        await self._runner.setup()
        await web.TCPSite(self._runner, LOCAL, 0).start()
        url = f"http://{LOCAL}:{self._runner.addresses[0][1]}"
        settings = settings_of_azure() | self.collector.settings(url) | LEASE
        try:
            await self._play(settings)
        finally:
            await self._runner.cleanup()

    async def _play(self, settings: dict[str, str]) -> None:
        async with Stage(settings=settings, webhook_delay=0.05, azurite=self._azurite) as self.stage:
            await people.reference_data(self.stage)
            await self.stage.run("keep_hooks")
            await self._until_sent("dynaconnect.sweeps")
            await quiet(self.stage)
            await self._bill()
            await self._hold()
            await self.stage.run("catch_up")
            await self.stage.run("sweep_payments")
            await self.stage.api("POST", "reconcile", {})
            await self.stage.run("tidy")
            await quiet(self.stage)
            await self._mischief()
            for name in ("reconcile.differences", "queue.length"):
                await self._until_sent(f"dynaconnect.{name}")

    async def _bill(self) -> None:
        """A customer that Business Central is too busy for at first, and an invoice that waits for it."""
        busy = {"kind": "status", "status": 429, "times": 1, "headers": {"Retry-After": "1"}}
        route = "POST /api/v2.0/companies({company})/customers"
        await self.stage.in_business_central("faults", {"faults": [busy | {"route": route}]})
        self.company = await self.stage.in_connectwise(
            "companies", PRIVATE | {"types": [people.CUSTOMER], "billingTerms": {"id": 1}}
        )
        today = f"{datetime.now(UTC).date()}T00:00:00Z"
        lines = [{"kind": "service", "amount": "123.45"}]
        bill = {"company": {"id": self.company["id"]}, "date": today, "lines": lines}
        self.invoice = await self.stage.in_connectwise("invoices", bill)
        await self.stage.in_connectwise(f"invoices/{self.invoice['id']}/close")
        await quiet(self.stage)

    async def _hold(self) -> None:
        terms = await self.stage.in_connectwise("billingTerms", {"name": TERMS, "dueDays": 200})
        await self.stage.in_connectwise(
            "companies",
            {
                **PRIVATE,
                "identifier": f"{PRIVATE['identifier']}2",
                "name": f"{PRIVATE['name']} 2",
                "types": [people.CUSTOMER],
                "billingTerms": {"id": terms["id"]},
            },
        )
        await quiet(self.stage)

    async def _mischief(self) -> None:
        """A forged delivery, a refusal of Business Central, and messages that nobody can read."""
        url = f"{self.stage.public_url}/api/hooks/connectwise/default?recordId=7"
        forged = json.dumps({"ID": 7, "Type": "company", "Name": PRIVATE["name"]})
        await self.stage.http.post(url, content=forged, headers={"x-content-signature": "AAAA"})
        for name, told in (("sweep-poison", "poisoned"), ("sync", "failures")):
            queue = QueueClient.from_connection_string(
                self._azurite.connection_string(),
                f"dynaconnect-{name}",
                message_encode_policy=TextBase64EncodePolicy(),
            )
            async with queue:
                await queue.send_message(f"no envelope: {PRIVATE['name']}")
                await self._until_sent(f"dynaconnect.{told}")
                # It would come again every half minute, five times.
                await queue.clear_messages()

    async def _until_sent(self, name: str) -> None:
        async def sent() -> bool:
            return any(row["name"] == name for row in self.rows("customMetrics"))

        await until(f"{name} was sent", sent, 60)

    def rows(self, table: str) -> list[Row]:
        """What a table of Application Insights would hold."""
        return self.collector.rows(table)
