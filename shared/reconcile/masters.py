"""Drifts of master data: customers, vendors, items and whatever else is declared as such."""

from collections.abc import Iterator

from shared.domain.records import Link, State
from shared.engine.kinds.mapping_data import MappingData
from shared.engine.kinds.masters import MasterData
from shared.mapping import CompiledMapping
from shared.reconcile.compare import changed_fields, has_changed, left_out
from shared.reconcile.model import Drift, DriftClass, Row
from shared.reconcile.numbers import IdNumbers
from shared.reconcile.snapshot import Snapshot, payer_of, target_fields, version

TELLING: tuple[str, ...] = ("email", "phoneNumber", "postalCode", "taxRegistrationNumber", "gtin")
"""Fields in which two records of one name must not contradict each other to count as the same."""


class MasterDrifts:
    """Compares one master data entity."""

    def __init__(self, taken: Snapshot, entity: MasterData, mapping: CompiledMapping) -> None:
        self.taken, self.entity, self.mapping = taken, entity, mapping
        self.sources = taken.sources[entity.subject.name]
        self.targets = taken.targets[entity.target]
        self.links = list(taken.linked(entity.subject.name, entity.name))
        self.owners: dict[str, list[str]] = {}
        for record_id, _, link in self.links:
            if not self.is_gone(record_id):
                self.owners.setdefault(str(link.target_id), []).append(record_id)
        self.payers = _payers(taken, entity)

    def is_gone(self, record_id: str) -> bool:
        """True when ConnectWise has no such record any more, or has it in the recycle bin."""
        row = self.sources.get(record_id)
        return row is None or bool(row.get("deletedFlag"))

    def find(self) -> Iterator[Drift]:
        """Every drift of the entity."""
        yield from self._missing()
        for record_id, record, link in self.links:
            if link.state.is_open:
                continue
            if self.is_gone(record_id):
                yield from self._gone(record_id, link)
            elif link.state is State.DONE:
                row, target = self.sources[record_id], self.targets.get(str(link.target_id))
                if target is None:
                    yield self._stale(record_id, link)
                    continue
                yield from self._changed_there(record_id, link, target)
                if has_changed(self.taken, record, row, whole=True):
                    yield self._drift(
                        DriftClass.CHANGED_IN_CONNECTWISE,
                        record_id,
                        f"Changed in ConnectWise at {version(row)}; the version known here is older.",
                        link,
                    )
        yield from self._shared_targets()
        yield from self._strangers()

    def _missing(self) -> Iterator[Drift]:
        subject = self.entity.subject.name
        for record_id, row in self.sources.items():
            record = self.taken.records[subject].get(record_id)
            link = record.links.get(self.entity.name) if record else None
            if link is not None and (link.target_id or link.state.is_open):
                continue
            if record_id in self.taken.elsewhere.get(subject, ()):
                continue
            if self.taken.in_flight(version(row)) or left_out(record, row, whole=True):
                continue
            if self.mapping.apply(row, MappingData()).in_scope:
                yield self._drift(
                    DriftClass.MISSING, record_id, f"No {self.entity.title.lower()} exists for it."
                )

    def _stale(self, record_id: str, link: Link) -> Drift:
        what = f"It is linked to {link.target_number}, which Business Central no longer has."
        return self._drift(DriftClass.STALE_LINK, record_id, what, link)

    def _gone(self, record_id: str, link: Link) -> Iterator[Drift]:
        """Deleted, or merged into another record to which its documents point now."""
        target = self.targets.get(str(link.target_id))
        successor = self._successor(str(link.target_number or ""))
        if successor and target is not None and not _is_blocked(target):
            other = self.taken.link(self.entity.subject.name, successor, self.entity.name)
            number = other.target_number if other and other.target_number else "its own customer"
            drift = self._drift(
                DriftClass.MERGED,
                record_id,
                f"It was merged into {self.entity.subject.name} {successor} in ConnectWise, to which its documents"
                f" belong now; Business Central still has {link.target_number} beside {number}.",
                link,
            )
            drift.facts = {"into": successor, "into_number": number}
            yield drift
        elif link.state is State.DONE:
            what = f"Deleted in ConnectWise; Business Central still has {link.target_number}."
            if target is None:
                what = "Deleted in ConnectWise and in Business Central; only the link is left."
            yield self._drift(DriftClass.DELETED_IN_CONNECTWISE, record_id, what, link)

    def _successor(self, number: str) -> str:
        """The record to which documents belong now that were posted for this number."""
        payer = self.payers.get(number, "")
        return "" if self.is_gone(payer) else payer

    def _changed_there(self, record_id: str, link: Link, target: Row) -> Iterator[Drift]:
        changes = changed_fields(link, target, target_fields(self.taken.connection, self.entity.target))
        if changes and not self.taken.in_flight(target.get("lastModifiedDateTime")):
            names = ", ".join(change.field for change in changes)
            drift = self._drift(
                DriftClass.CHANGED_IN_BUSINESS_CENTRAL,
                record_id,
                f"Changed in Business Central: {names}.",
                link,
            )
            drift.connectwise = {change.field: change.before for change in changes}
            drift.business_central = {change.field: change.after for change in changes}
            yield drift

    def _shared_targets(self) -> Iterator[Drift]:
        for target_id, owners in self.owners.items():
            if len(owners) > 1:
                link = self.taken.link(self.entity.subject.name, owners[0], self.entity.name)
                names = ", ".join(owners)
                what = f"The {self.entity.subject.name} records {names} are linked to one {self.entity.title.lower()}."
                drift = self._drift(DriftClass.MERGED, owners[0], what, link)
                drift.target_id, drift.facts = target_id, {"owners": owners}
                yield drift

    def _strangers(self) -> Iterator[Drift]:
        """Records of Business Central that nobody here is linked to, though they look like ours."""
        numbers = IdNumbers.learn((one[0], str(one[2].target_number or "")) for one in self.links)
        known = {str(link.target_id) for _, _, link in self.links}
        names: dict[str, list[str]] = {}
        for target_id, owners in self.owners.items():
            if target_id in self.targets:
                names.setdefault(_name(self.targets[target_id]), []).extend(owners)
        for target_id, row in self.targets.items():
            if (
                target_id in known
                or _is_blocked(row)
                or self.taken.in_flight(row.get("lastModifiedDateTime"))
            ):
                continue
            source_id, number = numbers.source_id(str(row.get("number", ""))), str(row.get("number", ""))
            twin = next((one for one in names.get(_name(row), ()) if self._agrees(one, row)), "")
            link = self.taken.link(self.entity.subject.name, twin or source_id, self.entity.name)
            if twin or (source_id and link is not None and link.target_id and not self.is_gone(source_id)):
                what = f"Business Central has {number} beside {link.target_number if link else ''} for the same record."
                drift = self._drift(DriftClass.DUPLICATE, twin or source_id, what, link)
            elif source_id and self.is_gone(source_id):
                what = f"The number {number} is one of ours, but ConnectWise has no such record."
                drift = self._drift(DriftClass.EXTRA, "", what)
                drift.target_number = number
            else:
                continue
            drift.target_id, drift.facts = target_id, {"number": number}
            yield drift

    def _agrees(self, record_id: str, row: Row) -> bool:
        link = self.taken.link(self.entity.subject.name, record_id, self.entity.name)
        ours = self.targets.get(str(link.target_id), {}) if link else {}
        pairs = [(ours.get(name), row.get(name)) for name in TELLING]
        return all(not a or not b or str(a).casefold() == str(b).casefold() for a, b in pairs)

    def _drift(self, kind: DriftClass, record_id: str, what: str, link: Link | None = None) -> Drift:
        row = self.sources.get(record_id, {})
        return Drift(
            kind,
            self.entity.name,
            self.entity.subject.name,
            record_id,
            what,
            number=str(row.get("identifier") or row.get("name") or ""),
            target_id=str(link.target_id or "") if link else "",
            target_number=str(link.target_number or "") if link else "",
        )


def _payers(taken: Snapshot, entity: MasterData) -> dict[str, str]:
    """Who pays the posted documents now in ConnectWise, by the target number for which they were posted."""
    payers: dict[str, str] = {}
    for document in taken.documents:
        if document.owner_field != f"{entity.name}Number":
            continue
        for record_id, _, link in taken.posted(document.subject.name, document.name):
            row = taken.sources[document.subject.name].get(record_id)
            if row is not None and link.facts.get("owner_number"):
                payers[str(link.facts["owner_number"])] = payer_of(row)
    return payers


def _name(row: Row) -> str:
    return " ".join(str(row.get("displayName", "")).split()).casefold()


def _is_blocked(row: Row) -> bool:
    return row.get("blocked") in ("All", True)
