"""Counts what an event and a round of the timers bring about: executions, storage operations, bytes of telemetry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import web

from infra_checks import nodes
from infra_checks.facts import Facts
from infra_checks.problems import Tree
from infra_checks.project import Project
from infra_checks.settings import set_in_azure
from sandbox.bench.ground import Ground
from sandbox.demo.waiting import quiet
from sandbox.monitor.collector import Collector, Row
from sandbox.stage import LOCAL, ROOT

TELEMETRY: Final = ("APPLICATIONINSIGHTS_", "OTEL_", "PYTHON_")
RECEIVE: Final = "queue receive"
EVERY_REPORT: Final = "dynaconnect.given_up"
REPORTS: Final = 3
SILENCE_SECONDS: Final = 2.5
"""Two reports of the exporter without anything new mean that all was sent."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted: executions, storage operations without looks into queues, bytes of telemetry."""

    executions: float
    requests: float
    bytes: float


@dataclass(slots=True)
class Scale:
    """The books of everything that is counted, at one moment."""

    ground: Ground
    collector: Collector

    async def read(self) -> Count:
        """All since the start."""
        await quiet(self.ground.stage)
        seen = -1
        while seen != len(self.told()):
            seen = len(self.told())
            await self.ground.until(partial(self._grew, seen), SILENCE_SECONDS)
        meters = await self.ground.meters()
        functions: list[Mapping[str, int]] = (await self.ground.stage.host.status())["functions"]
        requests = sum(count for kind, count in meters.storage.items() if kind != RECEIVE)
        size = sum(len(json.dumps(one)) for one in self.told())
        return Count(sum(one["succeeded"] for one in functions), requests, size)

    def told(self) -> list[Row]:
        """Spans and lines. Figures are gathered for a minute and sent once, so events that follow each other share them."""
        return [one for one in self.collector.sent if one["data"]["baseType"] != "MetricData"]

    async def report(self) -> float:
        """Bytes of one report of the figures, which a process sends every minute as long as it lives."""
        start, marks = len(self.collector.sent), 0

        def enough() -> bool:
            nonlocal marks
            marks = sum(_name(one) == EVERY_REPORT for one in self.collector.sent[start:])
            return marks > REPORTS

        await self.ground.until(enough)
        sent = self.collector.sent[start:]
        edges = [number for number, one in enumerate(sent) if _name(one) == EVERY_REPORT]
        whole = sent[edges[0] : edges[-1]]
        return sum(len(json.dumps(one)) for one in whole if _name(one)) / (len(edges) - 1)

    def _grew(self, seen: int) -> bool:
        return len(self.told()) > seen


def _name(item: Row) -> str:
    """The name of a figure, empty for anything else that is sent."""
    return (
        str(item["data"]["baseData"]["metrics"][0]["name"])
        if item["data"]["baseType"] == "MetricData"
        else ""
    )


def fixed_settings() -> dict[str, str]:
    """The settings about telemetry as far as the Bicep files fix them."""
    _, found = set_in_azure(Project.read(Tree(ROOT), Facts.load()))
    return {
        name: str(entry.value.literal)
        for name, entry in found.items()
        if name.startswith(TELEMETRY)
        and isinstance(entry.value, nodes.Text)
        and entry.value.literal is not None
    }


async def count(events: int) -> dict[str, Count]:
    """What one event, one round of the timers and one idle minute bring about."""
    collector = Collector()
    runner = web.AppRunner(collector.app)
    await runner.setup()
    await web.TCPSite(runner, LOCAL, 0).start()
    settings = fixed_settings() | collector.settings(f"http://{LOCAL}:{runner.addresses[0][1]}")
    try:
        async with Ground(latency=0.0, settings=settings) as ground:
            scale = Scale(ground, collector)
            await ground.stage.run("keep_hooks")
            for name in ("catch_up", "sweep_payments"):
                await ground.stage.run(name)
                await quiet(ground.stage)
            start = await scale.read()
            for name in ("catch_up", "sweep_payments"):
                await ground.stage.run(name)
                await quiet(ground.stage)
            idle = await scale.read()
            minute = Count(0, 0, await scale.report())
            # ConnectWise itself tells of each, by the callbacks that were registered above.
            await ground.companies(events)
            event = _between(idle, await scale.read(), events)
            return {"event": event, "round": _between(start, idle, 1), "minute": minute}
    finally:
        await runner.cleanup()


def _between(before: Count, after: Count, number: int) -> Count:
    return Count(
        (after.executions - before.executions) / number,
        (after.requests - before.requests) / number,
        (after.bytes - before.bytes) / number,
    )
