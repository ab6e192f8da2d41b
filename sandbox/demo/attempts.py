"""Reads the app's own attempt rows: how often each entity was created, updated, left alone, and how fast."""

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables.aio import TableClient

from sandbox.stage import Stage
from shared.adapters.storage.clients import RECORD_TABLE

type Changes = dict[tuple[str, str], datetime]


@dataclass(slots=True)
class EntityFigures:
    """What happened to one entity over the day."""

    results: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    calls: int = 0
    records: set[str] = field(default_factory=set)

    def quantile(self, share: float) -> float:
        """Seconds from change to done that this share of the records stayed below."""
        if len(self.seconds) < 2:
            return sum(self.seconds)
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[round(share * 100) - 1]

    @property
    def calls_per_record(self) -> float:
        """Calls to both systems for each record that travelled."""
        return self.calls / len(self.records) if self.records else 0.0


async def entity_figures(stage: Stage, made_at: Changes) -> dict[str, EntityFigures]:
    """The figures by entity. ``made_at`` is when the day created or closed each record, by subject and id."""
    figures: dict[str, EntityFigures] = defaultdict(EntityFigures)
    done_at: dict[tuple[str, str, str], datetime] = {}
    connection = stage.azurite.connection_string()
    async with TableClient.from_connection_string(connection, RECORD_TABLE) as table:
        async for row in table.query_entities("RowKey ge 'a|' and RowKey lt 'a}'"):
            subject = str(row["PartitionKey"]).partition("|")[2]
            record_id, entity = str(row["RowKey"]).split("|")[1], str(row["entity"])
            if row["state"] == "out_of_scope":
                continue
            figure = figures[entity]
            figure.results[str(row["result"])] += 1
            figure.calls += int(row["calls"])
            if row["result"] in ("created", "updated", "unchanged"):
                figure.records.add(record_id)
            if row["result"] == "created":
                end = _moment(row["at"]) + timedelta(milliseconds=int(row["duration_ms"]))
                key = (subject, record_id, entity)
                done_at[key] = min(end, done_at.get(key, end))
    for (subject, record_id, entity), end in done_at.items():
        if (subject, record_id) in made_at:
            figures[entity].seconds.append((end - made_at[subject, record_id]).total_seconds())
    return dict(figures)


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value.isoformat())
