"""Catalog items and items."""

from contextlib import suppress
from decimal import Decimal
from typing import ClassVar

from sandbox.kit import Json
from shared.app import DEFAULT
from shared.domain.records import RecordRef
from tests.conformance.masters import MasterDataConformance
from tests.conformance.taps import Crash
from tests.conformance.world import World


class TestItem(MasterDataConformance):
    entity = "item"
    subject = "catalog_item"
    path = "items"
    table = "CatalogItem"
    entity_set = "items"
    name_field = "description"
    number_field = "integrationXRef"
    untravelled: ClassVar[Json] = {"minStockLevel": 3}
    existing: ClassVar[Json] = {"baseUnitOfMeasureCode": "PCS"}

    def values(self, number: int) -> Json:
        return {
            "identifier": f"CABLE-{number}",
            "description": f"Cable {number}",
            "customerDescription": "A cable",
            "subcategory": {"name": "Cabling"},
            "type": {"name": "Hardware"},
            "unitOfMeasure": {"name": "Each"},
            "price": Decimal("12.50"),
            "cost": Decimal("7.25"),
        }

    def changed(self, number: int) -> Json:
        return {"price": Decimal(f"{number}.125")}

    async def test_a_target_found_again_belongs_to_its_item(self, scene: World) -> None:
        """Somebody replaced the item in Business Central by one of the same name: it is nobody else's any more."""
        record = await self.made(scene)
        await self.remove_target(scene, record)
        await self.make_target(scene, record)
        await self.change(scene, record, 2)
        await self.sync(scene, record)
        self.check(scene, record)
        [target] = self.targets(scene, record)
        owner = await scene.app.store.claims.owner(DEFAULT, self.entity_set, target["number"])
        assert owner == RecordRef(DEFAULT, self.subject, record)

    async def test_what_a_dead_process_created_is_claimed_once(self, scene: World) -> None:
        """By its number, as a pass that lives does; a second claim by the id would only be left over."""
        for steps in range(1, 5):
            record = await self.make(scene, steps)
            await scene.die_after(steps)
            await scene.hint(self.subject, record)
            with suppress(Crash):
                await self.settle(scene, record)
            await scene.restart()
            await self.settle(scene, record)
            [target] = self.targets(scene, record)
            claims = scene.app.store.claims
            assert await claims.owner(DEFAULT, self.entity_set, target["number"])
            assert await claims.owner(DEFAULT, self.entity_set, target["id"]) is None

    async def test_a_target_that_got_the_number_meanwhile_stays_its_own_items(self, scene: World) -> None:
        """Between our look and our creation a person gives another item's target this very number."""
        first, second = await self.made(scene, 1), await self.make(scene, 2)
        [target] = self.targets(scene, first)
        number = scene.cw_record("CatalogItem", second)["identifier"]

        async def renumber() -> None:
            body = {"set": self.entity_set, "key": target["number"], "values": {"number": number}}
            await scene.bc("edit", body)

        renumbered = await scene.before("business_central.create", renumber)
        await self.sync(scene, second)
        assert renumbered.done
        [item] = await scene.work(self.entity)
        assert (item.ref.id, item.cause) == (second, "number_taken")
        [kept] = [row for row in scene.bc_records(self.entity_set) if row["id"] == target["id"]]
        assert kept["displayName"] == target["displayName"]

    async def test_a_new_target_is_known_by_what_later_changes_are_compared_with(self, scene: World) -> None:
        """What is only given at creation is Business Central's own afterwards: no part of what we wrote."""
        created = await scene.link(self.subject, await self.made(scene, 1), self.entity)
        record = await self.make(scene, 2)
        await self.make_target(scene, record)
        await self.sync(scene, record)
        adopted = await scene.link(self.subject, record, self.entity)
        assert created.written
        assert created.written.keys() == adopted.written.keys()

    def expected(self, source: Json) -> Json:
        return {
            "displayName": source["description"],
            "unitPrice": source["price"],
            "unitCost": source["cost"],
            "baseUnitOfMeasureCode": "PCS",
            "type": "Non_x002D_Inventory",
        }
