"""What every entity promises when calls fail, answers are lost, rules refuse or the process dies."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Final

import pytest

from sandbox.kit import Fault, dumps
from shared.app import DEFAULT
from shared.domain.records import State
from tests.conformance.declaration import Declaration
from tests.conformance.taps import Crash, Parting, orphaned
from tests.conformance.world import World

SYSTEMS: Final = ("connectwise", "business_central")
FAILURES: Final = {
    "unavailable": Fault("status", status=503, times=1),
    "reset": Fault("reset", times=1),
    "answer_lost": Fault("lost", times=1),
    "answer_cut": Fault("cut", times=1),
    "not_json": Fault("html", times=1),
}
"""Each happens once, at one call; ``answer_lost`` and ``answer_cut`` after the call was carried out."""
RETRY_AFTER: Final = timedelta(seconds=30)
MOST_POSITIONS: Final = 40
TAKEN_OVER: Final = timedelta(minutes=4)
"""After which the lease of a dead process is over and another has had the record, but not what it began."""


class Failures(Declaration):
    """The cases with a failure."""

    @pytest.mark.parametrize("system", SYSTEMS)
    async def test_each_call_fails_once(self, scene: World, system: str) -> None:
        """Every call fails in one way; the ways take turns, and each entity begins with another."""
        kinds, first = list(FAILURES.values()), sum(self.entity.encode())
        await self._fail_each_call(
            scene, system, [*kinds[first % len(kinds) :], *kinds[: first % len(kinds)]]
        )

    @pytest.mark.thorough
    @pytest.mark.parametrize("kind", FAILURES)
    @pytest.mark.parametrize("system", SYSTEMS)
    async def test_any_call_fails_in_any_way(self, scene: World, system: str, kind: str) -> None:
        """Every call fails in every way."""
        await self._fail_each_call(scene, system, [FAILURES[kind]])

    async def _fail_each_call(self, scene: World, system: str, kinds: list[Fault]) -> None:
        """A failure hits the first call of one record, the second of the next, until all had their turn."""
        for position in range(MOST_POSITIONS):
            record = await self.make(scene, position + 1)
            fault = replace(kinds[position % len(kinds)], skip=position)
            scene.fault(system, fault)
            await self.sync(scene, record)
            scene.fault(system)
            self.check(scene, record)
            assert await scene.work(self.entity) == []
            if fault.times:
                break
        assert 0 < position < MOST_POSITIONS - 1

    @pytest.mark.parametrize("system", SYSTEMS)
    async def test_throttled(self, scene: World, system: str) -> None:
        record = await self.make(scene)
        seconds = str(round(RETRY_AFTER.total_seconds()))
        scene.fault(system, Fault("status", status=429, headers={"Retry-After": seconds}, times=1))
        await scene.hint(self.subject, record, self.reason)
        await scene.run()
        [item] = [one for one in await scene.work(self.entity) if one.ref.id == record]
        assert (item.state, item.cause) == (State.RETRYING, "throttled")
        assert RETRY_AFTER <= scene.delays[-1] <= 2 * RETRY_AFTER
        await self.settle(scene, record)
        self.check(scene, record)

    @pytest.mark.parametrize("system", SYSTEMS)
    async def test_bad_credentials_then_good_ones(self, scene: World, system: str) -> None:
        record = await self.make(scene)
        good = scene.break_credentials(system)
        await self._is_stopped(scene, record)
        good()
        await self.settle(scene, record)
        self.check(scene, record)
        assert await scene.work(self.entity) == []

    @pytest.mark.parametrize("system", SYSTEMS)
    async def test_forbidden(self, scene: World, system: str) -> None:
        record = await self.make(scene)
        body = dumps({"code": "Forbidden", "message": "no right to do this"})
        scene.fault(system, Fault("status", status=403, body=body))
        await self._is_stopped(scene, record, "permission")
        scene.fault(system)
        await self.settle(scene, record)
        self.check(scene, record)
        assert await scene.work(self.entity) == []

    async def _is_stopped(self, world: World, record: str, cause: str = "") -> None:
        """The record is to be retried with a cause, and the connection rests: further hints call nobody."""
        await world.hint(self.subject, record, self.reason)
        await world.run()
        [item] = [one for one in await world.work(self.entity) if one.ref.id == record]
        assert item.state is State.RETRYING
        assert item.cause == cause or (not cause and item.cause in ("credentials", "endpoint"))
        assert item.reason
        assert item.todo
        paused = (await world.connection()).paused_until
        assert paused is not None
        assert paused > world.clock.now()
        traffic = world.traffic()
        await world.hint(self.subject, record, self.reason)
        await world.run()
        assert traffic.calls == 0, traffic.routes

    async def test_business_refusal_is_held(self, scene: World) -> None:
        record = await self.make_refused(scene)
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert item.state is State.HELD
        assert item.cause
        assert item.reason
        assert item.todo
        assert await scene.messages() == 0

    async def test_hold_survives_further_hints(self, scene: World) -> None:
        record = await self.make_refused(scene)
        await self.sync(scene, record)
        before = await scene.work(self.entity)
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        assert [(item.state, item.cause, item.since)] == [(one.state, one.cause, one.since) for one in before]

    async def test_hold_goes_on_when_mended(self, scene: World) -> None:
        record = await self.make_refused(scene)
        await self.sync(scene, record)
        [item] = await scene.work(self.entity)
        await self.mend(scene, record)
        assert await scene.app.desk.retry(DEFAULT, cause=item.cause) == 1
        await self.settle(scene, record)
        assert await scene.work(self.entity) == []
        self.check(scene, record)

    async def test_crash_between_steps(self, scene: World) -> None:
        """The process dies after the first write or kept step, for the next record after the second, and so on."""
        for steps in count(1):
            record = await self.make(scene, steps)
            fuse = await scene.die_after(steps)
            await scene.hint(self.subject, record, self.reason)
            try:
                await self.settle(scene, record)
            except Crash:
                await scene.restart()
                await self.settle(scene, record)
            self.check(scene, record)
            assert await scene.work(self.entity) == []
            if not fuse.burnt:
                break
        assert steps > self.writes_to_create

    async def test_a_write_outlives_its_process(self, scene: World) -> None:
        """The process dies during its first write, for the next record the second; it happens when another has looked."""
        await self._outlive(scene, "death")

    @pytest.mark.parametrize("parting", ["silence", "reset", "gateway"])
    async def test_a_write_outlives_its_call(self, scene: World, parting: Parting) -> None:
        """Nobody waits for its answer any more, or something on the way gives it up, and it happens minutes later."""
        await self._outlive(scene, parting)

    async def _outlive(self, scene: World, parting: Parting) -> None:
        dies = parting == "death"
        for position in count(1):
            record = await self.make(scene, position)
            with orphaned(position, parting) as orphan:
                await scene.hint(self.subject, record, self.reason)
                with suppress(Crash):
                    await (self.settle(scene, record) if dies else scene.run())
            if orphan.request is None:
                break
            if dies:
                await scene.restart()
            since = scene.traffic()
            await scene.pass_time(TAKEN_OVER)
            repeatable = orphan.request.method != "POST" and not dies
            assert repeatable or since.writes == 0
            await scene.http.send(orphan.request)
            await self.settle(scene, record)
            self.check(scene, record)
            assert await scene.work(self.entity) == []
        await self.settle(scene, record)
        self.check(scene, record)
        assert position > self.writes_to_create
