"""Inventory adjustments of ConnectWise, and the accounting batch that says that a person has booked them."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

import pytest

from sandbox.kit import Fault, Json
from shared.app import DEFAULT
from shared.domain.records import RecordRef, State
from shared.ports.storage import Lease
from tests.conformance.failures import FAILURES
from tests.conformance.suite import EntityConformance
from tests.conformance.world import World

CONNECTWISE = pytest.mark.parametrize("system", ["connectwise"])
"""Business Central is never called: a person makes the entry there."""
LOCKED = "a closed adjustment is locked in ConnectWise; one that is opened again has other unposted rows"


class TestStockEntry(EntityConformance):
    entity = "stock_entry"
    subject = "stock_entry"
    reason = "catch up"
    writes_to_create = 1
    """The batch in ConnectWise."""
    create_call = "connectwise.commit_batch"
    not_applicable: ClassVar[Mapping[str, str]] = {
        "test_update": LOCKED,
        "test_changed_costs_at_most_two_calls": LOCKED,
        "test_out_of_order": LOCKED,
        "test_source_moved_during_the_run": LOCKED,
        "test_hint_handled_after_a_step_was_kept": LOCKED,
        "test_target_missing": "a batch that is deleted makes its rows unposted again, with the same entry to make",
        "test_dependency_missing": "an entry in words needs no other record",
        "test_a_write_outlives_its_call": "it writes once a person has released it, as where the process dies",
        "test_dry_run_writes_nothing": "its plan is to hold, which test_what_a_preview_says shows",
    }
    nobody = False
    """True while no person books what is held."""

    async def prepare(self, world: World) -> None:
        values = {
            "identifier": "SWITCH",
            "description": "Switch",
            "customerDescription": "A switch",
            "cost": Decimal("89.90"),
        }
        values |= {"subcategory": {"name": "Network"}, "type": {"name": "Hardware"}}
        self.item = await world.cw("items", values | {"productClass": "Inventory"})
        await world.sync("catalog_item", str(self.item["id"]))

    async def settle(self, world: World, record: str) -> None:
        """A person makes each entry in Business Central and releases it."""
        await super().settle(world, record)
        held = [item.ref.id for item in await world.work(self.entity) if item.cause == "by_hand"]
        if held and not self.nobody:
            assert await world.app.desk.release(DEFAULT, self.entity, held) == len(held)
            await super().settle(world, record)

    async def make(self, world: World, number: int = 1) -> str:
        place = {"warehouse": {"id": 1}, "warehouseBin": {"id": 1}}
        details = [
            {"catalogItem": {"id": self.item["id"]}, "quantityAdjusted": quantity, **place}
            for quantity in (-number, 2)
        ]
        body = {"identifier": f"Count {number}", "type": {"identifier": "Count"}}
        adjustment = await world.cw("adjustments", body | {"adjustmentDetails": details})
        await world.cw(f"adjustments/{adjustment['id']}/close")
        rows = [
            row for row in self._unposted(world) if row["unpostedProductId"].startswith(str(adjustment["id"]))
        ]
        return str(min(row["id"] for row in rows))

    async def change(self, world: World, record: str, number: int = 1) -> None:
        raise NotImplementedError

    async def touch(self, world: World, record: str) -> None:
        adjustment = world.cw_records("ProcurementAdjustment")[-1]
        store = world.connectwise.store
        store.touch("ProcurementAdjustment", store.get("ProcurementAdjustment", adjustment["id"]), "admin")

    def _unposted(self, world: World) -> list[Json]:
        rows: list[Json] = world.connectwise.procurement.unposted()
        return rows

    def _entries(self, world: World, record: str) -> list[Json]:
        """All ledger entries of the adjustment behind the first of them."""
        entries = list(world.connectwise.store.rows("GLEntry"))
        [first] = [entry for entry in entries if entry["id"] == int(record)]
        return [entry for entry in entries if entry["documentId"] == first["documentId"]]

    def targets(self, world: World, record: str) -> list[Json]:
        """The batches that hold the adjustment's entries."""
        batches = {entry["batchId"] for entry in self._entries(world, record) if entry["isBatched"]}
        return [row for row in world.cw_records("AccountingBatch") if row["id"] in batches]

    def check(self, world: World, record: str) -> None:
        [_batch] = self.targets(world, record)
        entries = self._entries(world, record)
        assert len(entries) == 2
        assert all(entry["isBatched"] for entry in entries)
        assert not {entry["id"] for entry in entries} & {row["id"] for row in self._unposted(world)}

    async def make_target(self, world: World, record: str) -> str:
        """Somebody has booked it and made the batch in ConnectWise."""
        body = {"batchIdentifier": "by hand", "glInterfaceIdentifier": "Other", "exportProductsFlag": True}
        numbers = [entry["id"] for entry in self._entries(world, record)]
        await world.cw_call("POST", "finance/accounting/batches", body | {"processedRecordIds": numbers})
        return str(self.targets(world, record)[0]["id"])

    async def remove_target(self, world: World, record: str) -> None:
        raise NotImplementedError

    async def make_refused(self, world: World) -> str:
        """Nobody has made the entry yet."""
        self.nobody = True
        return await self.make(world)

    async def mend(self, world: World, record: str) -> None:
        self.nobody = False

    @CONNECTWISE
    async def test_each_call_fails_once(self, scene: World, system: str) -> None:
        await super().test_each_call_fails_once(scene, system)

    @pytest.mark.thorough
    @pytest.mark.parametrize("kind", FAILURES)
    @CONNECTWISE
    async def test_any_call_fails_in_any_way(self, scene: World, system: str, kind: str) -> None:
        await super().test_any_call_fails_in_any_way(scene, system, kind)

    @CONNECTWISE
    async def test_throttled(self, scene: World, system: str) -> None:
        await super().test_throttled(scene, system)

    @CONNECTWISE
    async def test_bad_credentials_then_good_ones(self, scene: World, system: str) -> None:
        await super().test_bad_credentials_then_good_ones(scene, system)

    @CONNECTWISE
    async def test_forbidden(self, scene: World, system: str) -> None:
        await super().test_forbidden(scene, system)

    async def test_what_a_preview_says(self, scene: World) -> None:
        """The preview is the entry to make, word for word as the work list has it."""
        record = await self.make(scene, 3)
        [plan] = await scene.app.desk.preview(DEFAULT, self.entity, [record])
        self.nobody = True
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert (item.state, item.cause, item.reason) == (State.HELD, "by_hand", plan["reason"])
        day = self._unposted(scene)[0]["dateClosed"][:10]
        assert item.reason == (
            f"Item journal of {day}: Negative Adjmt. of 3 x SWITCH at unit cost 89.90 (Count 3). "
            f"Item journal of {day}: Positive Adjmt. of 2 x SWITCH at unit cost 89.90 (Count 3)."
        )

    async def test_a_transfer(self, scene: World) -> None:
        """A transfer is an item reclassification, and is marked as one row."""
        bins = {"fromBin": {"id": 1}, "toBin": {"id": 2}}
        await scene.cw("transfers", {"item": {"id": self.item["id"]}, "quantity": 3, **bins})
        [row] = self._unposted(scene)
        self.nobody = True
        await scene.sweep(self.subject)
        [item] = await scene.work(self.entity)
        assert item.reason.startswith("Item reclassification journal of ")
        assert "3 x SWITCH from" in item.reason
        self.nobody = False
        await self.settle(scene, str(row["id"]))
        assert self._unposted(scene) == []
        assert len(self.targets(scene, str(row["id"]))) == 1

    async def test_an_export_that_names_nothing(self, scene: World) -> None:
        """There is no entry to make then; an empty one is never shown, and a release marks nothing."""
        record = await self.make(scene)
        scene.fault("connectwise", Fault("status", route="accounting/export", status=200, body="{}"))
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert (item.state, item.cause) == (State.HELD, "no_gl_entries")
        assert item.reason
        assert item.todo
        await scene.app.desk.release(DEFAULT, self.entity, [record])
        await scene.drain()
        assert self.targets(scene, record) == []
        scene.fault("connectwise")
        await scene.app.desk.retry(DEFAULT, self.entity)
        await self.settle(scene, record)
        self.check(scene, record)


class TestReleaseIsNotLost:
    """A person's word that an entry is booked; other passes over the record know nothing of it."""

    async def held(self, world: World) -> tuple[TestStockEntry, str]:
        people = TestStockEntry()
        people.nobody = True
        await people.prepare(world)
        record = await people.make(world)
        await people.sync(world, record)
        return people, record

    async def test_while_another_pass_has_the_record(self, world: World) -> None:
        people, record = await self.held(world)
        ref = RecordRef(DEFAULT, people.subject, record)
        lease = await world.app.store.begin(ref, world.clock.now(), same_clock=True, impatient=True)
        assert isinstance(lease, Lease)
        assert await world.app.desk.release(DEFAULT, people.entity, [record]) == 1
        await world.run()
        await world.app.store.finish(lease, [], keep_if_hinted=False)
        world.app.store.leave(lease)
        await world.drain()
        people.check(world, record)
        assert await world.work(people.entity) == []

    async def test_when_a_pass_has_read_the_record_since(self, world: World) -> None:
        people, record = await self.held(world)
        assert await world.app.desk.release(DEFAULT, people.entity, [record]) == 1
        world.clock.advance(timedelta(seconds=2))
        await world.deliver(world.envelope(people.subject, record, people.reason))
        await world.drain()
        people.check(world, record)
        assert await world.work(people.entity) == []
