"""A system that is away: nothing is dropped, nobody storms, and work goes on in the order of its age."""

from datetime import timedelta

from sandbox.azurite import Azurite
from sandbox.kit import Fault
from sandbox.outage import outage
from shared.app import DEFAULT
from shared.domain.calls import GONE_AFTER, Pulse
from tests.conformance.pairs import Pairs
from tests.conformance.world import World


async def test_business_central_is_away_for_a_while(azurite: Azurite, pairs: Pairs) -> None:
    async with World(azurite, pairs) as world:
        figures = await outage(world, minutes=8, before=24, each_minute=1)
    assert sorted(figures.made) == figures.companies, "one customer for each company"
    assert (figures.swapped, figures.left) == (0, 0)
    assert figures.most("Business Central") <= GONE_AFTER + 5
    assert figures.most("Business Central", 1) <= 2
    assert figures.aside >= len(figures.companies) - GONE_AFTER


async def test_a_change_that_comes_while_its_record_waits_is_not_lost(azurite: Azurite, pairs: Pairs) -> None:
    async with World(azurite, pairs) as world:
        stored = await world.cw("companies", {"identifier": "Late", "name": "Late Ltd", "city": "Tampa"})
        record = str(stored["id"])
        await world.sync("company", record)
        for port in (world.business_central, world.connectwise):
            port.faults = [Fault("status", status=503)]
        pulse = (await world.connection()).pulses[0]
        for _ in range(GONE_AFTER):
            pulse.miss("unavailable", "ConnectWise is not available (503).")
        await world.cw(f"companies/{record}", {"city": "Miami"})
        await world.hint("company", record)
        await world.pass_time(timedelta(minutes=1))
        rest = await world.app.rests.shown(DEFAULT)
        assert rest is not None
        assert (rest["system"], rest["waiting"]) == ("ConnectWise", 1)
        await world.cw(f"companies/{record}", {"city": "Naples"})
        await world.hint("company", record)
        await world.pass_time(timedelta(minutes=1))
        await world.restart()
        for port in (world.business_central, world.connectwise):
            port.faults = []
        await world.pass_time(timedelta(minutes=15))
        assert await world.app.rests.shown(DEFAULT) is None
        [customer] = world.bc_records("customers", displayName="Late Ltd")
        assert customer["city"] == "Naples"
        assert await world.messages() == 0


def test_one_answer_shows_that_a_system_is_there() -> None:
    pulse = Pulse("ConnectWise")
    for _ in range(GONE_AFTER - 1):
        pulse.miss("timeout", "late")
    assert not pulse.is_gone
    pulse.beat()
    pulse.miss("timeout", "late")
    assert not pulse.is_gone
