"""Takes what the Azure Monitor exporter sends and keeps it as rows of Application Insights, as queries see them."""

import gzip
from typing import Any, Final

import simplejson
from aiohttp import web

type Row = dict[str, Any]

KEY: Final = "00000000-0000-4000-8000-000000000000"
TABLES: Final = {
    "MetricData": "customMetrics",
    "RemoteDependencyData": "dependencies",
    "RequestData": "requests",
    "MessageData": "traces",
    "ExceptionData": "exceptions",
}
"""The kind of what is sent, and the table that it ends in."""


class Collector:
    """An aiohttp application at the address of a connection string. ``sent`` keeps every item as it came."""

    def __init__(self) -> None:
        self.sent: list[Row] = []
        self.app = web.Application(client_max_size=64 * 2**20)
        self.app.router.add_post("/v2.1/track", self._track)
        # Live metrics are asked for as well; nobody watches here.
        self.app.router.add_route("*", "/QuickPulseService.svc/{path:.*}", self._nobody_watches)

    def settings(self, url: str) -> dict[str, str]:
        """The settings that make the app send here at once instead of once a minute."""
        return {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={url};LiveEndpoint={url}",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
        }

    async def _track(self, request: web.Request) -> web.Response:
        body = await request.read()
        items = simplejson.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        self.sent += items
        count = len(items)
        return web.json_response({"itemsReceived": count, "itemsAccepted": count, "errors": []})

    async def _nobody_watches(self, _request: web.Request) -> web.Response:
        return web.Response(headers={"x-ms-qps-subscribed": "false"})

    def rows(self, table: str) -> list[Row]:
        """Everything that a table holds so far."""
        return [row for name, row in map(_row, self.sent) if name == table]


def _row(item: Row) -> tuple[str, Row]:
    kind, base, tags = item["data"]["baseType"], item["data"]["baseData"], item.get("tags") or {}
    row: Row = {
        "timestamp": item["time"],
        "operation_Id": tags.get("ai.operation.id", ""),
        "operation_ParentId": tags.get("ai.operation.parentId", ""),
        "operation_Name": tags.get("ai.operation.name", ""),
        "cloud_RoleName": tags.get("ai.cloud.role", ""),
        "customDimensions": base.get("properties") or {},
    }
    match kind:
        case "MetricData":
            [metric] = base["metrics"]
            value, count = metric["value"], metric.get("count") or 1
            row |= {
                "name": metric["name"],
                "value": value,
                "valueSum": value,
                "valueCount": count,
                "valueMin": metric.get("min", value),
                "valueMax": metric.get("max", value),
            }
        case "RemoteDependencyData":
            row |= {
                name: base.get(name, "") for name in ("id", "name", "target", "type", "data", "resultCode")
            }
            row |= {"success": base["success"], "duration": milliseconds(base["duration"])}
        case "RequestData":
            row |= {"id": base["id"], "name": base["name"], "resultCode": base["responseCode"]}
            row |= {"success": base["success"], "duration": milliseconds(base["duration"])}
        case "MessageData":
            row |= {"message": base["message"], "severityLevel": base.get("severityLevel", 1)}
        case "ExceptionData":
            first = base["exceptions"][0]
            row |= {"type": first["typeName"], "outerMessage": first["message"]}
    return TABLES.get(kind, kind), row


def milliseconds(text: str) -> float:
    """A duration such as ``0.00:00:01.597``."""
    days, clock = text.split(".", 1)
    hours, minutes, seconds = clock.split(":")
    return (((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(seconds)) * 1000
