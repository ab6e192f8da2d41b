"""Field by field: what we wrote against what Business Central holds now."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from shared.domain.plans import Change
from shared.domain.records import Link, Record
from shared.engine.sweeps import is_newer
from shared.mapping import TargetField
from shared.reconcile.model import Row
from shared.reconcile.snapshot import Snapshot, version

BLANKS: Final = frozenset({"", "_x0020_", "0001-01-01", "00000000-0000-0000-0000-000000000000"})
"""What Business Central shows for a field without a value."""
ETAG: Final = "@odata.etag"


def changed_fields(link: Link, target: Row, fields: Mapping[str, TargetField]) -> tuple[Change, ...]:
    """The fields whose value in Business Central is another one than we wrote; none while the etag is the same."""
    if link.target_etag and link.target_etag == target.get(ETAG):
        return ()
    return tuple(
        Change(name, value, target[name])
        for name, value in link.written.items()
        if name in fields and name in target and not _equal(value, target[name], fields[name])
    )


def _equal(written: Any, found: Any, field: TargetField) -> bool:
    if field.type_ == "decimal":
        return Decimal(written or 0) == Decimal(found or 0)
    if isinstance(written, bool) or isinstance(found, bool):
        return bool(written) is bool(found)
    before, after = _text(written), _text(found)
    # Codes are kept in upper case and GUIDs in either.
    return before.casefold() == after.casefold() if field.type_ in ("code", "guid") else before == after


def _text(value: Any) -> str:
    text = "" if value is None else str(value).rstrip()
    return "" if text in BLANKS else text


def has_changed(taken: Snapshot, record: Record, row: Row, *, whole: bool) -> bool:
    """True when ConnectWise has a newer version than we read, and long enough for it to have arrived."""
    return not taken.in_flight(version(row)) and is_newer(record, row, version(row), whole=whole)


def left_out(record: Record | None, row: Row, *, whole: bool) -> bool:
    """True when the engine has looked at exactly this version and decided that it does not travel."""
    if record is None or record.read_at is None:
        return False
    return not is_newer(record, row, version(row), whole=whole)
