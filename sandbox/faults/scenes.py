"""What is going on when a fault strikes: a record of every entity on its way, hooks being kept, sweeps, a start.

The entities are those of the conformance suite, found by themselves: a class that proves an entity there is a scene.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from azure.core.exceptions import AzureError

import tests.conformance
from sandbox.connectwise.callback_rules import ENTITY
from sandbox.faults.world import FaultWorld
from shared.app import DEFAULT
from shared.domain.errors import SyncError
from shared.engine.kinds.by_hand import BY_HAND
from shared.ports.storage import OpenItem
from shared.reconcile.runs import RECONCILE, Request
from shared.triggers.hooks import ACCEPTED, TRY_AGAIN
from shared.triggers.queues import KEEP_HOOKS
from tests.conformance.declaration import Declaration
from tests.conformance.test_customer import TestCustomer
from tests.conformance.test_stock_entry import TestStockEntry


class Scene(Protocol):
    """One stretch of work. ``key`` names what a fault can hit in it, such as the id of a record."""

    name: str
    lasting: bool
    """Whether the work list shows the record itself; a sweep is explained by its log line instead."""

    async def prepare(self, world: FaultWorld) -> None:
        """Puts in place what each run needs."""
        ...

    async def make(self, world: FaultWorld, number: int) -> str:
        """Makes what is to be brought in step; returns its key."""
        ...

    async def begin(self, world: FaultWorld, key: str) -> None:
        """Queues the work."""
        ...

    async def work(self, world: FaultWorld, key: str) -> None:
        """One try of it, while the fault lasts."""
        await world.try_now()

    async def resume(self, world: FaultWorld) -> Exception | None:
        """The fault is over: puts the app in place where the tries left none; why there was none."""
        return None

    async def settle(self, world: FaultWorld, key: str) -> None:
        """Lets everything come to rest, with what a person does then."""
        await world.drain()

    async def again(self, world: FaultWorld, key: str) -> None:
        """What the world does some time later by itself: the next change, the next timer."""
        ...

    async def items(self, world: FaultWorld, key: str) -> list[OpenItem]:
        """What the work list says of it."""
        ...

    async def check(self, world: FaultWorld, key: str) -> None:
        """Raises AssertionError unless both systems say the same, once."""
        ...


class EntityScene(Scene):
    """A new record of one entity arrives."""

    lasting = True

    def __init__(self, declaration: type[Declaration]) -> None:
        self.name = declaration.__name__.removeprefix("Test")
        self._declaration = declaration()

    async def prepare(self, world: FaultWorld) -> None:
        await self._declaration.prepare(world)

    async def make(self, world: FaultWorld, number: int) -> str:
        return await self._declaration.make(world, number)

    async def begin(self, world: FaultWorld, key: str) -> None:
        await world.hint(self._declaration.subject, key, self._declaration.reason)

    async def settle(self, world: FaultWorld, key: str) -> None:
        await self._declaration.settle(world, key)

    async def again(self, world: FaultWorld, key: str) -> None:
        await self.begin(world, key)

    async def items(self, world: FaultWorld, key: str) -> list[OpenItem]:
        items = await world.app.desk.work(DEFAULT, self._declaration.subject)
        return [item for item in items if item.ref.id == key]

    async def check(self, world: FaultWorld, key: str) -> None:
        self._declaration.check(world, key)


class ChangeScene(EntityScene):
    """A record that is in step changes."""

    def __init__(self, declaration: type[Declaration]) -> None:
        super().__init__(declaration)
        self.name += " changes"

    async def make(self, world: FaultWorld, number: int) -> str:
        key = await self._declaration.make(world, number)
        await self._declaration.sync(world, key)
        await self._declaration.change(world, key, number + 1)
        return key


class BookedScene(EntityScene):
    """A person has booked by hand what was held for that, and releases it."""

    def __init__(self, declaration: type[Declaration]) -> None:
        super().__init__(declaration)
        self.name += " booked"

    async def make(self, world: FaultWorld, number: int) -> str:
        key = await super().make(world, number)
        await super().begin(world, key)
        await world.drain()
        return key

    async def begin(self, world: FaultWorld, key: str) -> None:
        [held] = await self.items(world, key)
        assert held.cause == BY_HAND, held
        assert await world.app.desk.release(DEFAULT, self._declaration.entity, [held.ref.id])

    async def again(self, world: FaultWorld, key: str) -> None:
        await super().begin(world, key)


class SweepScene(EntityScene):
    """No callback told of a company: the timers' sweeps of all subjects find it, and look at everything else."""

    lasting = False

    def __init__(self) -> None:
        super().__init__(TestCustomer)
        self.name = "Sweeps"

    async def make(self, world: FaultWorld, number: int) -> str:
        member = {"identifier": f"new{number}", "firstName": "New", "lastName": "Member"}
        await world.cw("members", member)
        return await super().make(world, number)

    async def begin(self, world: FaultWorld, key: str) -> None:
        for subject in world.app.registry.subjects():
            if subject.path or subject.business_central:
                await world.app.queue.send_sweep(world.envelope(subject.name, "*", "timer"))


class ReconcileScene(EntityScene):
    """Both books are compared."""

    lasting = False

    def __init__(self) -> None:
        super().__init__(TestCustomer)
        self.name = "Reconciliation"

    async def make(self, world: FaultWorld, number: int) -> str:
        key = await super().make(world, number)
        await self._declaration.sync(world, key)
        return key

    async def begin(self, world: FaultWorld, key: str) -> None:
        request = Request.nightly(world.clock.now()).shown()
        await world.app.queue.send_sweep(replace(world.envelope(RECONCILE, "*", "timer"), options=request))


class HooksScene(Scene):
    """Callbacks and subscriptions are registered, renewed and healed; strays are removed."""

    lasting = False

    def __init__(self, *, lose: bool) -> None:
        self.name = "Hooks lost" if lose else "Hooks renewed"
        self._lose = lose

    async def prepare(self, world: FaultWorld) -> None:
        return

    async def make(self, world: FaultWorld, number: int) -> str:
        await world.app.keep_hooks(DEFAULT)
        store, webhooks = world.connectwise.store, world.business_central.webhooks
        disabled, gone, *_ = list(store.rows(ENTITY))
        disabled["inactiveFlag"] = True
        store.insert(ENTITY, {**gone, "type": "ticket"}, "admin")
        store.remove(ENTITY, gone["id"], "admin")
        [live, *_] = webhooks.live()
        if self._lose:
            webhooks.drop([live])
        else:
            state = await world.app.state.load(DEFAULT, "hooks")
            await world.app.state.save(DEFAULT, "hooks", state | {"proof": "another"})
        webhooks.add(replace(live, key=f"stray-{number}", url=live.url.replace(DEFAULT, "gone")))
        return str(number)

    async def begin(self, world: FaultWorld, key: str) -> None:
        await world.app.queue.send_sweep(world.envelope(KEEP_HOOKS, "*", "timer"))

    async def again(self, world: FaultWorld, key: str) -> None:
        await self.begin(world, key)

    async def items(self, world: FaultWorld, key: str) -> list[OpenItem]:
        return []

    async def check(self, world: FaultWorld, key: str) -> None:
        wanted = sorted(s.callback for s in world.app.registry.subjects() if s.callback)
        rows = world.connectwise.store.rows(ENTITY)
        assert sorted(str(row["type"]) for row in rows if not row["inactiveFlag"]) == wanted
        sets = [s.business_central for s in world.app.registry.subjects() if s.business_central]
        live = world.business_central.webhooks.live()
        assert sorted(one.resource.rpartition("/")[2] for one in live) == sorted(sets)


class DeliveryScene(EntityScene):
    """ConnectWise tells of a company; the key of its signature is not known yet."""

    lasting = False

    def __init__(self) -> None:
        super().__init__(TestCustomer)
        self.name = "Delivery"
        self._answer = 0

    async def prepare(self, world: FaultWorld) -> None:
        await super().prepare(world)
        await world.app.keep_hooks(DEFAULT)
        # The scene delivers by itself what the stand-in then only notes.
        world.connectwise.settings.lose_callbacks = True

    async def begin(self, world: FaultWorld, key: str) -> None:
        return

    async def work(self, world: FaultWorld, key: str) -> None:
        await self._deliver(world, key)
        await world.try_now()

    async def again(self, world: FaultWorld, key: str) -> None:
        """ConnectWise repeats what was not taken; what was taken comes again with the next change alone."""
        if self._answer == TRY_AGAIN:
            await self._deliver(world, key)
        else:
            await super().begin(world, key)

    async def _deliver(self, world: FaultWorld, key: str) -> None:
        """Sends the callback of the record; any other answer would lose it, see the hooks' own rules."""
        told = next(one for one in world.connectwise.callbacks.log if f"recordId={key}&" in one.url)
        headers = {"Content-Type": "application/json", "x-content-signature": told.signature}
        answer = await world.http.post(told.url, content=told.body, headers=headers)
        self._answer = answer.status_code
        assert self._answer in (ACCEPTED, TRY_AGAIN), self._answer


class StartScene(EntityScene):
    """The app starts while a hint waits."""

    lasting = False

    def __init__(self) -> None:
        super().__init__(TestCustomer)
        self.name = "Start"
        self._refused: Exception | None = None

    async def work(self, world: FaultWorld, key: str) -> None:
        try:
            await world.restart()
        except (SyncError, AzureError) as error:
            self._refused = error
        else:
            await world.try_now()

    async def resume(self, world: FaultWorld) -> Exception | None:
        refused, self._refused = self._refused, None
        if refused is not None:
            await world.restart_without_faults()
        return refused


def entity_scenes() -> Iterator[Scene]:
    """One scene for each class of the conformance suite, in the order of their names."""
    found: dict[str, type[Declaration]] = {}
    for module in pkgutil.iter_modules(tests.conformance.__path__, "tests.conformance."):
        if module.name.rpartition(".")[2].startswith("test_"):
            for name, one in vars(importlib.import_module(module.name)).items():
                if name.startswith("Test") and inspect.isclass(one) and issubclass(one, Declaration):
                    found[one.__name__] = one
    yield from (EntityScene(found[name]) for name in sorted(found))


def all_scenes() -> list[Scene]:
    """Every scene."""
    hooks = [HooksScene(lose=lose) for lose in (False, True)]
    arrivals = [DeliveryScene(), StartScene()]
    own = [*entity_scenes(), ChangeScene(TestCustomer), BookedScene(TestStockEntry)]
    return [*own, SweepScene(), ReconcileScene(), *hooks, *arrivals]
