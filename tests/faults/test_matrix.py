"""A part of ``make faults``: some endpoints of each system against some faults, through the real parts."""

from typing import Final

import pytest

from sandbox.azurite import Azurite
from sandbox.faults.cells import Cell, endpoints_of, run
from sandbox.faults.kinds import KINDS, SYSTEMS
from sandbox.faults.matrix import Matrix, plan, sample, table
from sandbox.faults.scenes import EntityScene, all_scenes
from sandbox.faults.world import FaultWorld
from tests.conformance.test_customer import TestCustomer as CustomerConformance

CUSTOMERS: Final = "POST /api/v2.0/companies({company})/customers"
COMPANY: Final = "GET /v4_6_release/apis/3.0/company/companies/{id}"
SECRET: Final = "GET /secrets/{name}/{tail}"
CELLS: Final = (
    ("business_central", CUSTOMERS, "answer lost", "done", ""),
    ("business_central", CUSTOMERS, "dripping body", "done", ""),
    ("business_central", CUSTOMERS, "413", "held", "refused"),
    ("connectwise", COMPANY, "404 page", "retried", "gateway"),
    ("connectwise", COMPANY, "latency", "done", ""),
    ("connectwise", COMPANY, "403", "retried", "permission"),
    ("table", "POST records", "answer lost", "", ""),
    ("table", "GET state({key})", "503", "retried", "storage"),
    ("table", "POST $batch", "answer lost", "", ""),
    ("vault", SECRET, "429 later", "retried", "key_vault"),
    ("vault", SECRET, "HTML", "retried", "key_vault"),
)
"""The last two are what must come of it; empty for anything that is explained."""


async def test_each_fault_ends_explained_and_leaves_both_systems_in_step(azurite: Azurite) -> None:
    scene = EntityScene(CustomerConformance)
    async with FaultWorld(azurite) as world:
        await scene.prepare(world)
        called = await endpoints_of(world, scene, 100)
        for number, (system, endpoint, kind, verdict, cause) in enumerate(CELLS):
            assert (system, endpoint) in called
            cell = await run(world, scene, system, endpoint, kind, number)
            assert not cell.wrong, cell
            assert cell.verdict == verdict or not verdict, cell
            assert cell.cause == cause or not verdict, cell
            assert cell.hits, cell


async def test_a_cell_that_leaves_nothing_behind_is_found_out(azurite: Azurite) -> None:
    """A scene whose work vanishes while the fault lasts is silent; one that never comes back is lost."""

    class Vanishing(EntityScene):
        async def begin(self, world: FaultWorld, key: str) -> None:
            return

    scene = Vanishing(CustomerConformance)
    async with FaultWorld(azurite) as world:
        cell = await run(world, scene, "connectwise", COMPANY, "503", 1)
    assert cell.wrong == "silent"
    assert "after the fault" in cell.detail


def test_the_plan_has_every_fault_at_every_endpoint() -> None:
    scenes = all_scenes()
    called = {scene.name: [("vault", SECRET), ("table", f"GET {scene.name}")] for scene in scenes}
    matrix = Matrix(seen=called)
    planned = plan(matrix, scenes, KINDS, everywhere=False)
    cells = [(endpoint, kind) for one in planned.values() for endpoint, kind in one]
    assert len(cells) == len(set(cells)) == (1 + len(scenes)) * len(KINDS)
    everywhere = plan(matrix, scenes, KINDS, everywhere=True)
    assert sum(len(one) for one in everywhere.values()) == 2 * len(scenes) * len(KINDS)
    assert sum(len(one) for one in sample(planned, 10, 1).values()) == 10


@pytest.mark.parametrize("wrong", ["", "lost"])
def test_the_table_shows_what_is_wrong(wrong: str) -> None:
    cell = Cell("Customer", "vault", SECRET, "503", "retried", "key_vault", "away", hits=1)
    cell.wrong = "lost" if wrong else ""
    text = table(Matrix({"Customer": [("vault", SECRET)]}, [cell]))
    assert ("  X  GET /secrets" in text) == bool(wrong)
    assert f"1 cells, {len(wrong) // 4} wrong" in text
    assert SYSTEMS[-1] in text
