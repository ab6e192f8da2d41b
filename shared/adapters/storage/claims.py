"""Which source record a target belongs to, in Table Storage: one row a target, inserted by whoever is first."""

from dataclasses import dataclass

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables.aio import TableClient

from shared.adapters.storage import limits, rows
from shared.adapters.storage.meanings import explained
from shared.domain.records import RecordRef

PARTITION = "claims"


@explained
@dataclass(slots=True)
class TableClaims:
    """Partition ``{connection}|claims``, row key ``{target set}|{id or number}``."""

    table: TableClient

    async def claim(self, ref: RecordRef, target_set: str, key: str) -> RecordRef:
        """Takes the target for a record unless it is taken; returns whose it is."""
        row = self._key(ref.connection, target_set, key) | {"subject": ref.subject, "id": ref.id}
        try:
            await self.table.create_entity(row)
        except ResourceExistsError:
            return await self.owner(ref.connection, target_set, key) or ref
        return ref

    async def owner(self, connection: str, target_set: str, key: str) -> RecordRef | None:
        """Whose target it is, None while it is nobody's."""
        place = self._key(connection, target_set, key)
        try:
            row = await self.table.get_entity(place["PartitionKey"], place["RowKey"])
        except ResourceNotFoundError:
            return None
        return RecordRef(connection, str(row["subject"]), str(row["id"]))

    def _key(self, connection: str, target_set: str, key: str) -> dict[str, str]:
        row_key = f"{target_set}|{rows.safe(key.casefold())}"
        return limits.checked({"PartitionKey": rows.partition(connection, PARTITION), "RowKey": row_key})
