"""What both systems and the storage hold: kept and brought back, written down for comparison, compared."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from azure.data.tables.aio import TableClient

from sandbox.business_central.admin_state import company_state
from sandbox.connectwise.invoice_lines import Line
from sandbox.kit import Json, dumps
from shared.adapters.storage import rows
from shared.domain.records import State
from tests.conformance.world import World

AROUND: Final = 80
"""Characters on either side of a difference that are shown."""
MOST_OPERATIONS: Final = 100
_GUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DRAFT: Final = re.compile(r'"draftNumber": "[^"]*"')
"""A draft that is made anew takes the next number, as it would anyhow."""
_PAYMENT: Final = re.compile(r'"id": \d+, "kind": ')
_ETAG: Final = re.compile(r'W/\\"[^"]*"')
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?")
PASSING: Final = frozenset({"reason", "todo", "attempts", "target_etag", "open_since", "synced_at"})
"""What a link says of the way to its state, not of the state."""
LEASE: Final = frozenset({"owner", "fence", "taken", "until"})

type Rows = dict[tuple[str, str], dict[str, Any]]
type Lines = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything at one moment."""

    connectwise: bytes
    business_central: bytes
    keys: frozenset[str]
    postings: Counter[str]
    tables: tuple[Rows, ...]
    shift: timedelta


def tables(world: World) -> tuple[TableClient, ...]:
    """The product's tables."""
    storage = world.app.storage
    assert storage is not None
    return storage.records, storage.state


async def stored(table: TableClient) -> Rows:
    """All rows of a table."""
    return {(row["PartitionKey"], row["RowKey"]): dict(row) async for row in table.list_entities()}


async def keep(world: World) -> Kept:
    """Keeps everything."""
    return Kept(
        world.connectwise.store.kept(),
        world.business_central.environment.store.kept(),
        frozenset(key for records in world.company.tables.values() for key in records),
        Counter(world.business_central.environment.postings),
        tuple([await stored(table) for table in tables(world)]),
        world.clock.shift,
    )


def restore(world: World, kept: Kept) -> None:
    """Makes both systems and the clock as they were."""
    world.connectwise.store.bring_back(kept.connectwise)
    environment = world.business_central.environment
    environment.store.bring_back(kept.business_central)
    environment.postings.clear()
    environment.postings.update(kept.postings)
    world.clock.shift = kept.shift


async def bring_back(world: World, kept: Kept) -> None:
    """Makes everything as it was; only the rows that differ are written."""
    restore(world, kept)
    for table, before in zip(tables(world), kept.tables, strict=True):
        now = await stored(table)
        changes = [("upsert", row, {"mode": "replace"}) for key, row in before.items() if now.get(key) != row]
        gone = [("delete", {"PartitionKey": key[0], "RowKey": key[1]}) for key in now.keys() - before.keys()]
        for operations in by_partition([*changes, *gone]):
            await table.submit_transaction(operations)


def by_partition(operations: list[Any]) -> Iterator[list[Any]]:
    """The operations as transactions, each within one partition."""
    partitions: dict[str, list[Any]] = {}
    for operation in operations:
        partitions.setdefault(operation[1]["PartitionKey"], []).append(operation)
    for found in partitions.values():
        for start in range(0, len(found), MOST_OPERATIONS):
            yield found[start : start + MOST_OPERATIONS]


async def written_down(world: World, before: Kept) -> Lines:
    """Everything in lines that two runs share: ids, numbers of new records and moments by what they stand for."""
    company = company_state(world.company)
    names = _Names(world, before)
    lines: Lines = {}
    for table, records in world.connectwise.store.tables.items():
        lines[f"ConnectWise {table}"] = [names.line(_unnumbered(table, one)) for one in records.values()]
    for name, records in company["records"].items():
        lines[f"Business Central {name}"] = [names.line(_unversioned(record)) for record in records]
    for name in ("ledger", "vendorLedger"):
        for part, entries in company[name].items():
            lines[f"Business Central {name} {part}"] = [names.line(entry) for entry in entries]
    lines["postings"] = [names.line(pair) for pair in world.business_central.environment.postings.items()]
    for client in tables(world):
        for key, row in (await stored(client)).items():
            for kind, value in _told(key, row):
                lines.setdefault(kind, []).append(names.line(value))
    return {name: sorted(found) for name, found in lines.items() if found}


def _unnumbered(table: str, record: Json) -> Json:
    """A record without the numbers of payments, which say no more than which of two invoices came first."""
    if table == "InvoicePayment":
        return {name: value for name, value in record.items() if name != "id"}
    if "paymentIds" in record:
        return {**record, "paymentIds": len(record["paymentIds"])}
    return record


def _unversioned(record: Json) -> Json:
    """An order without the versions of its lines: entering a quantity anew after a crash makes more of them."""
    versions = record["hidden"].get("lines")
    if versions is None:
        return record
    return {**record, "hidden": {**record["hidden"], "lines": [key for key, _version in versions]}}


def _told(key: tuple[str, str], row: dict[str, Any]) -> Iterator[tuple[str, Json]]:
    """A row without what belongs to the way: attempts, leases, times."""
    kind = key[1].partition("|")[0]
    if kind == "a":
        return
    values = {name: value for name, value in row.items() if name not in LEASE}
    if kind != "r":
        yield f"rows {kind}", {name: str(value) for name, value in values.items() if name not in PASSING}
        return
    body = rows.unpack(row, "body")
    known = {name: bool(body[name]) for name in ("read_at", "retry_at")}
    yield "records", [*key, known, values["dirty"]]
    for link in body["links"]:
        tells = any(link[name] for name in ("target_id", "step", "facts", "written"))
        if not tells and not State(link["state"]).is_open:
            # The next pass over a record that does not concern the entity drops such a link, if there is one.
            continue
        yield "links", [*key, {name: value for name, value in link.items() if name not in PASSING}]


class _Names:
    """Names for what differs between two runs that come to the same."""

    def __init__(self, world: World, before: Kept) -> None:
        company, today = world.company, datetime.now(UTC).date()
        self._keys: dict[str, str] = {}
        numbers: dict[str, str] = {}
        for table, records in company.tables.items():
            ordered = sorted(records.values(), key=lambda record: record.sequence)
            for place, record in enumerate(ordered):
                self._keys[record.key] = f"<{table} {place}>"
                number = record.values.get("number")
                if isinstance(number, str) and number and record.key not in before.keys:
                    numbers[number] = f"<number {table} {place}>"
        self._numbers = numbers
        self._number = re.compile(r"\b(" + "|".join(map(re.escape, numbers)) + r")\b") if numbers else None
        self._days = tuple((today + timedelta(days=ahead)).isoformat() for ahead in (0, 1))

    def line(self, value: Json) -> str:
        """A record as one line."""
        text = dumps(_plain(value))
        text = _GUID.sub(lambda match: self._keys.get(match[0], "<gone>"), text)
        text = _MOMENT.sub("<moment>", _DRAFT.sub('"draftNumber": "<draft>"', _ETAG.sub("<etag>", text)))
        text = _PAYMENT.sub('"id": "<payment>", "kind": ', text)
        for day in self._days:
            text = text.replace(day, "<today>")
        if self._number is not None:
            text = self._number.sub(lambda match: self._numbers[match[0]], text)
        return text


def _plain(value: Json) -> Json:
    match value:
        case Line():
            return _plain(asdict(value))
        case dict():
            return {str(name): _plain(value[name]) for name in sorted(value, key=str)}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bytes() | datetime():
            return str(value)
    return value


@dataclass(slots=True)
class Difference:
    """How an end differs from the end that was expected."""

    lost: list[str] = field(default_factory=list)
    duplicate: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.duplicate or self.other)


def compare(expected: Lines, found: Lines) -> Difference:
    """What is missing, what is there too often, and what is otherwise."""
    difference = Difference()
    for name in sorted(expected.keys() | found.keys()):
        ours, theirs = Counter(expected.get(name, ())), Counter(found.get(name, ()))
        if ours == theirs:
            continue
        missing, extra = list((ours - theirs).elements()), list((theirs - ours).elements())
        told = [f"{name}: without {line}" for line in missing] + [f"{name}: with {line}" for line in extra]
        if len(missing) == len(extra):
            told = [f"{name}: {_apart(one, other)}" for one, other in zip(missing, extra, strict=True)]
        if len(missing) > len(extra):
            difference.lost += told
        elif len(missing) < len(extra):
            difference.duplicate += told
        else:
            difference.other += told
    return difference


def _apart(expected: str, found: str) -> str:
    """Where two lines part, and how they begin."""
    pairs = zip(expected, found, strict=False)
    at = next((place for place, (one, other) in enumerate(pairs) if one != other), 0)
    start = max(0, at - AROUND)
    return f"{expected[:AROUND]}... {expected[start : at + AROUND]} became {found[start : at + AROUND]}"
