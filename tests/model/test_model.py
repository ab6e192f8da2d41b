"""A slice of the model: what people do and what goes wrong breaks no rule, and a broken rule is seen."""

import random
from typing import Final

from sandbox.azurite import Azurite
from sandbox.model import rules
from sandbox.model.people import People
from sandbox.model.run import WEIGHTS, play, steps_of
from sandbox.model.trouble import Trouble
from sandbox.model.world import ModelWorld

SEED: Final = 11
STEPS: Final = 30


async def test_a_run_breaks_no_rule(azurite: Azurite) -> None:
    result = await play(azurite, SEED, steps_of(SEED, STEPS))
    assert result.problems == []
    assert result.messages > STEPS
    assert result.writes > 0


async def test_a_broken_rule_is_seen(azurite: Azurite) -> None:
    async with ModelWorld(azurite) as world:
        people = People(world)
        await people.open()
        assert await rules.at_rest(people) == []
        record = await people.billing.invoice([people.billing.item_line(1, "10.00")])
        people.invoices.append(record)
        assert await rules.at_rest(people) == [
            f"invoice {record} has 0 posted documents and is not in the work list"
        ]
        await world.rest()
        assert await rules.at_rest(people) == []
        number = people.billing.source(record)["invoiceNumber"]
        world.business_central.environment.postings[number] += 1
        assert rules.always(people) == [f"document {number} was posted 2 times"]
        world.business_central.environment.postings[number] -= 1
        [document] = [row for row in world.company.all("salesInvoices") if row.values["status"] == "Open"]
        document.values["externalDocumentNumber"] = "another"
        assert rules.always(people) == [f"invoice {record} is batched, but nothing was posted"]


async def test_a_write_without_an_attempt_is_seen(azurite: Azurite) -> None:
    async with ModelWorld(azurite) as world:
        people = People(world)
        await people.open()
        await world.hint("company", people.companies[0])

        async def write_beside(call: str) -> None:
            if call == "store.finish":
                body = {"identifier": "Beside", "name": "Beside"}
                await world.cw("companies", body)
                world.connectwise.count("POST /company/companies")

        await world.tap(before=write_beside)
        await world.some_messages(1, random.Random(1))
        assert len(world.found) == 1
        assert "1 writes to ConnectWise, 0 explained" in world.found[0]


def test_every_step_is_there_and_the_same_seed_gives_the_same_ones() -> None:
    assert all(hasattr(People, name) or hasattr(Trouble, name) for name in WEIGHTS)
    assert steps_of(1, 50) == steps_of(1, 50)
    assert steps_of(1, 50) != steps_of(2, 50)
