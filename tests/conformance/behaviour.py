"""What every entity promises while all goes well: one target, the newest state, no call too many."""

import asyncio

from shared.domain.envelope import Envelope
from shared.domain.records import State
from shared.engine.desk import shown
from tests.conformance.declaration import Declaration
from tests.conformance.world import World

DUPLICATES = 10


class Behaviour(Declaration):
    """The cases without a failure."""

    async def test_create(self, scene: World) -> None:
        record = await self.make(scene)
        traffic = scene.traffic()
        await self.sync(scene, record)
        self.check(scene, record)
        assert traffic.writes == self.writes_to_create, traffic.routes
        link = await scene.link(self.subject, record, self.entity)
        assert (link.state, link.cause) == (State.DONE, "")
        assert await scene.work(self.entity) == []

    async def test_update(self, scene: World) -> None:
        await self.stay_changeable(scene)
        record = await self.made(scene)
        for number in (2, 3):
            await self.change(scene, record, number)
            await self.sync(scene, record)
            self.check(scene, record)

    async def test_unchanged_costs_at_most_one_call(self, scene: World) -> None:
        record = await self.made(scene)
        traffic = scene.traffic()
        await self.sync(scene, record)
        assert (traffic.writes, traffic.calls) <= (0, self.calls_when_unchanged), traffic.routes
        await self.touch(scene, record)
        traffic = scene.traffic()
        await self.sync(scene, record)
        assert (traffic.writes, traffic.calls) <= (0, self.calls_when_unchanged), traffic.routes
        self.check(scene, record)

    async def test_changed_costs_at_most_two_calls(self, scene: World) -> None:
        record = await self.made(scene)
        await self.change(scene, record, 2)
        traffic = scene.traffic()
        await self.sync(scene, record)
        assert traffic.writes == self.writes_when_changed, traffic.routes
        assert traffic.calls <= self.calls_when_changed, traffic.routes
        self.check(scene, record)

    async def test_adopt_existing(self, scene: World) -> None:
        record = await self.make(scene)
        target = await self.make_target(scene, record)
        await self.sync(scene, record)
        self.check(scene, record)
        assert [str(row["id"]) for row in self.targets(scene, record)] == [target]

    async def test_replay_of_the_same_hint(self, scene: World) -> None:
        record = await self.make(scene)
        hint = scene.envelope(self.subject, record, self.reason)
        await scene.deliver(hint)
        await self.settle(scene, record)
        traffic = scene.traffic()
        await scene.deliver(hint)
        await scene.drain()
        assert traffic.calls == 0, traffic.routes
        self.check(scene, record)

    async def test_duplicate_hints(self, scene: World) -> None:
        record = await self.make(scene)
        traffic = scene.traffic()
        hints = [scene.envelope(self.subject, record, self.reason) for _ in range(DUPLICATES)]
        await asyncio.gather(*(scene.deliver(hint) for hint in hints))
        await self.settle(scene, record)
        self.check(scene, record)
        assert traffic.writes <= self.writes_to_create, traffic.routes

    async def test_out_of_order(self, scene: World) -> None:
        await self.stay_changeable(scene)
        record = await self.made(scene)
        hints = []
        for number in (2, 3, 4):
            await self.change(scene, record, number)
            hints.append(scene.envelope(self.subject, record, self.reason))
        for hint in reversed(hints):
            await scene.deliver(hint)
        await scene.drain()
        self.check(scene, record)

    async def test_source_moved_during_the_run(self, scene: World) -> None:
        await self.stay_changeable(scene)
        record = await self.make(scene)

        async def move() -> None:
            await self.change(scene, record, 2)
            await scene.deliver(scene.envelope(self.subject, record, self.reason))

        moved = await scene.before(self.create_call, move)
        await self.sync(scene, record)
        assert moved.done
        self.check(scene, record)

    async def test_hint_handled_after_a_step_was_kept(self, scene: World) -> None:
        """A hint made after the source was read is never taken as covered because a step was kept since."""
        await self.stay_changeable(scene)
        record = await self.make(scene)
        hints: list[Envelope] = []

        async def move(call: str) -> None:
            if call.endswith(".checkpoint") and not hints:
                await self.change(scene, record, 2)
                hints.append(scene.envelope(self.subject, record, self.reason))

        async def arrive(call: str) -> None:
            if call.endswith(".checkpoint") and len(hints) == 1:
                hints.append(hints[0])
                await scene.deliver(hints[0])

        await scene.tap(before=move, after=arrive)
        await self.sync(scene, record)
        assert len(hints) == 2
        self.check(scene, record)

    async def test_target_missing(self, scene: World) -> None:
        await self.stay_changeable(scene)
        record = await self.made(scene)
        await self.remove_target(scene, record)
        assert self.targets(scene, record) == []
        await self.change(scene, record, 2)
        await self.sync(scene, record)
        self.check(scene, record)

    async def test_dependency_missing(self, scene: World) -> None:
        record = await self.make_dependent(scene)
        await self.sync(scene, record)
        assert self.targets(scene, record) == []
        [item] = await scene.work(self.entity)
        assert (item.state, item.cause) == (State.WAITING, "dependency")
        assert item.reason
        await self.supply(scene, record)
        self.check(scene, record)
        assert await scene.work(self.entity) == []

    async def test_dry_run_writes_nothing(self, scene: World) -> None:
        record = await self.make(scene)
        rows = await scene.rows()
        traffic = scene.traffic()
        outcomes = await scene.app.pipeline.preview(scene.envelope(self.subject, record, self.reason))
        [outcome] = [one for one in outcomes if one.entity == self.entity]
        assert outcome.plan.action.writes
        assert shown(outcome)["steps"]
        assert traffic.writes == 0, traffic.routes
        assert (await scene.rows(), await scene.messages()) == (rows, 0)
        assert self.targets(scene, record) == []

    async def test_echo(self, scene: World) -> None:
        """What we write makes both systems tell us of it, and that makes us write nothing."""
        await scene.register_hooks()
        traffic = scene.traffic()
        record = await self.make(scene)
        await scene.rest()
        await self.sync(scene, record)
        await scene.rest()
        self.check(scene, record)
        assert traffic.writes == self.writes_to_make + self.writes_to_create, traffic.routes
