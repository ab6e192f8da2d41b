"""Drifts of purchase orders and their receipts: each line of an order against what was written and received last."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from shared.domain.records import Link
from shared.engine.kinds.mapping_data import same
from shared.engine.kinds.order_lines import COMMENT, WantedLine, paired, plain, received_of, steps_between
from shared.engine.kinds.order_writing import ACCEPTED, SETTLED, is_frozen
from shared.engine.kinds.orders import Order
from shared.engine.kinds.positions import Position
from shared.engine.kinds.receipt_posting import received_by_line
from shared.engine.kinds.receipts import Receipt
from shared.reconcile.model import Drift, DriftClass, Row
from shared.reconcile.snapshot import Snapshot

NONE = Decimal(0)


class OrderDrifts:
    """Compares one order entity, and with it the receipts of these orders."""

    def __init__(self, taken: Snapshot, entity: Order, receipts: Receipt | None) -> None:
        self.taken, self.entity, self.receipts = taken, entity, receipts
        self.subject = entity.subject.name
        self.targets = taken.targets.get(entity.sets.orders, {})

    def find(self) -> Iterator[Drift]:
        """Every drift of orders that are in step as far as we know."""
        for record_id, record, link in self.taken.done(self.subject, self.entity.name):
            target = self.targets.get(str(link.target_id))
            receipt = record.links.get(self.receipts.name) if self.receipts else None
            if record_id not in self.taken.sources[self.subject]:
                if target is not None:
                    what = f"Deleted in ConnectWise; Business Central has {link.target_number}."
                    yield self._drift(DriftClass.DELETED_IN_CONNECTWISE, record_id, what, link)
            elif target is None:
                yield from self._gone(record_id, link, receipt)
            elif not self.taken.in_flight(target.get("lastModifiedDateTime")):
                yield from self._changed(record_id, link, target)
                if receipt is None or not receipt.state.is_open:
                    yield from self._received(record_id, link, receipt, target)

    def _gone(self, record_id: str, link: Link, receipt: Link | None) -> Iterator[Drift]:
        """An order that was received in full and invoiced is deleted by Business Central itself."""
        if ACCEPTED in link.facts or (receipt is not None and receipt.state.is_open):
            return
        received = _received(receipt)
        ordered = sum((Decimal(row.get("quantity") or 0) for row in self._written(link)), NONE)
        came = sum(received.values(), NONE)
        if came and came >= ordered:
            return
        what = f"Linked to {link.target_number}, which Business Central no longer has."
        if came:
            what = f"{link.target_number} is gone from Business Central after {plain(came)} of {plain(ordered)} were received."
        drift = self._drift(DriftClass.STALE_LINK, record_id, what, link)
        drift.facts = {"posted": bool(came)}
        yield drift

    def _changed(self, record_id: str, link: Link, target: Row) -> Iterator[Drift]:
        words = self._header(link, target)
        words += self._settled(link, target) if ACCEPTED in link.facts else self._lines(link, target)
        if words:
            what = f"Changed in Business Central: {'; '.join(words)}."
            drift = self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, record_id, what, link)
            frozen = is_frozen(self.entity.sets, target)
            drift.facts = {"steps": words, "frozen": frozen, "settled": ACCEPTED in link.facts}
            yield drift

    def _header(self, link: Link, target: Row) -> list[str]:
        return [
            f"{name} {target.get(name)} to {link.written[name]}"
            for name in self.entity.remade_by
            if ACCEPTED not in link.facts
            and name in link.written
            and not same(target.get(name), link.written[name])
        ]

    def _lines(self, link: Link, target: Row) -> list[str]:
        """What would bring the lines back to what was written, as the engine would say it; comments do not count."""
        places: Mapping[str, Row] = link.facts.get("positions", {})
        by_sequence = {int(place["sequence"]): place for place in places.values()}
        wanted = [
            WantedLine(row, _position(by_sequence.get(int(row.get("sequence") or 0), {}), row))
            for row in self._written(link)
        ]
        stored = [line for line in target[self.entity.sets.lines] if line["lineType"] != COMMENT]
        pairs, left = paired(wanted, stored, (), adopting=False)
        own = {str(place["id"]) for place in places.values()}
        return [step.words for step in steps_between(pairs, left, own)]

    def _settled(self, link: Link, target: Row) -> list[str]:
        """The lines that are no longer as a person took them."""
        known: Mapping[str, list[Any]] = link.facts[ACCEPTED]
        return [
            f"line {line['sequence']}: {name} {plain(line[name])} to {plain(value)}"
            for line in target[self.entity.sets.lines]
            for name, value in zip(SETTLED, known.get(str(line["id"]), ()), strict=False)
            if not same(line[name], value)
        ]

    def _written(self, link: Link) -> list[Row]:
        rows = link.written.get(self.entity.sets.lines, ())
        return [row for row in rows if row.get("lineType") != COMMENT]

    def _received(self, record_id: str, link: Link, receipt: Link | None, target: Row) -> Iterator[Drift]:
        if self.receipts is None:
            return
        recorded, found = _received(receipt), received_by_line(target[self.entity.sets.lines])
        words = [
            f"line {line['sequence']} ({line.get('lineObjectNumber', '')}) has received {plain(received_of(line))}, "
            f"recorded are {plain(recorded.get(str(line['id']), NONE))}"
            for line in target[self.entity.sets.lines]
            if received_of(line) != recorded.get(str(line["id"]), NONE)
        ]
        if words:
            what = f"{target['number']} in Business Central: {'; '.join(words)}."
            drift = self._drift(DriftClass.CHANGED_IN_BUSINESS_CENTRAL, record_id, what, link)
            drift.entity, drift.connectwise = self.receipts.name, recorded
            drift.business_central, drift.facts = found, {"recorded": bool(recorded)}
            yield drift

    def _drift(self, kind: DriftClass, record_id: str, what: str, link: Link) -> Drift:
        row = self.taken.sources[self.subject].get(record_id, {})
        target = self.targets.get(str(link.target_id), {})
        return Drift(
            kind,
            self.entity.name,
            self.subject,
            record_id,
            what,
            number=str(row.get("poNumber") or ""),
            target_id=str(link.target_id),
            target_number=str(link.target_number or ""),
            date=str(row.get("poDate") or "")[:10],
            currency=str(target.get("currencyCode", "")),
        )


def _received(receipt: Link | None) -> dict[str, Decimal]:
    """What we recorded as received by line; nothing where receipts do not travel here or none has come."""
    known = receipt.facts.get("received", {}) if receipt is not None else {}
    return {str(line): Decimal(quantity) for line, quantity in known.items()}


def _position(place: Row, row: Row) -> Position:
    quantity, cost = Decimal(row.get("quantity") or 0), Decimal(row.get("directUnitCost") or 0)
    text, line = str(row.get("description", "")), str(place.get("id", ""))
    return Position("", text, quantity, NONE, cost, (), line_id=line)
