"""The rows that stand beside a record in its partition: look-ups, its places in the work list, who waits for it."""

from shared.adapters.storage import rows
from shared.adapters.storage.rows import Row
from shared.domain.records import Link, Record, RecordRef


def target_key(entity: str, target: str) -> str:
    """The row key of a look-up: a target's id or number."""
    return f"t|{entity}|{rows.safe(target)}"


def target_keys(link: Link) -> set[str]:
    """The row keys of a link's look-ups."""
    return {target_key(link.entity, value) for value in (link.target_id, link.target_number) if value}


def index_of(record: Record) -> frozenset[str]:
    """The keys of the rows that stand beside the record: its places in the work list, its look-ups."""
    links = record.links.values()
    opened = {rows.open_key(record.ref, link.entity) for link in links if link.state.is_open}
    return frozenset(opened.union(*(target_keys(link) for link in links)))


def waiter_row(needed: RecordRef, waiter: RecordRef) -> Row:
    """Who waits for a record."""
    return {
        "PartitionKey": rows.partition(needed.connection, needed.subject),
        "RowKey": f"w|{rows.safe(needed.id)}|{rows.safe(waiter.subject)}|{rows.safe(waiter.id)}",
    }
