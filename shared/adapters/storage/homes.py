"""The homes of records in Table Storage: one row per record, changed only by whoever read it last."""

from dataclasses import dataclass
from typing import Final

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from shared.adapters.storage import rows
from shared.adapters.storage.meanings import explained
from shared.domain.errors import RetryLater

MOST_TRIES: Final = 5


@explained
@dataclass(slots=True)
class TableHomes:
    """Partition ``home|{site}|{subject}``, row key the record's id."""

    table: TableClient

    async def home(self, site: str, subject: str, record_id: str) -> str:
        """The connection that the record belongs to, empty while none was chosen."""
        row = await self._row(site, subject, record_id)
        return str(row["home"]) if row else ""

    async def move(self, site: str, subject: str, record_id: str, *, of: str, to: str) -> str:
        """Changes the home if it is ``of``; returns the one in force. Raises RetryLater if it never comes to rest."""
        partition, key = _key(site, subject, record_id)
        change: rows.Row = {"PartitionKey": partition, "RowKey": key, "home": to}
        for _ in range(MOST_TRIES):
            row = await self._row(site, subject, record_id)
            if row is not None and row["home"] != of:
                return str(row["home"])
            if row is None and of:
                return ""
            try:
                if row is None:
                    await self.table.create_entity(change)
                else:
                    await self.table.update_entity(
                        change,
                        mode=UpdateMode.REPLACE,
                        etag=row.metadata["etag"],  # type: ignore[attr-defined]
                        match_condition=MatchConditions.IfNotModified,
                    )
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                continue
            return to
        raise RetryLater(
            "contended", f"Several passes choose the connection of {subject} {record_id} at once."
        )

    async def keep_sent(self, site: str, subject: str, record_id: str, of: str) -> None:
        """Notes that a connection that is to be forgotten has sent the record."""
        partition, key = _key(site, subject, record_id)
        note: rows.Row = {"PartitionKey": partition, "RowKey": key, "home": of, "sent": True}
        await self.table.upsert_entity(note, mode=UpdateMode.MERGE)

    async def is_sent(self, site: str, subject: str, record_id: str) -> bool:
        """Whether a connection that was forgotten has sent the record."""
        row = await self._row(site, subject, record_id)
        return bool(row and row.get("sent"))

    async def _row(self, site: str, subject: str, record_id: str) -> rows.Row | None:
        try:
            return await self.table.get_entity(*_key(site, subject, record_id))
        except ResourceNotFoundError:
            return None


def _key(site: str, subject: str, record_id: str) -> tuple[str, str]:
    return f"home|{rows.safe(site)}|{rows.safe(subject)}", rows.safe(record_id)
