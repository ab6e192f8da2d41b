"""Scenes that are laid down again: what people have prepared once need not travel through the engine once more.

The first time, people prepare a world as they always did, and what it then holds is kept with the pair of stand-ins.
Every later world of this process on the same pair, in which the same people are about to do the same, gets it laid
down: the records, ledgers and settings of both stand-ins, the product's rows, the clock, what the people know. The app
has read nothing of it yet, so it is what it would be after a restart.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sandbox.business_central.settings import Settings as BusinessCentralSettings
from sandbox.connectwise.service import Settings as ConnectWiseSettings
from sandbox.crashes.state import Kept, by_partition, keep, restore, tables
from tests.conformance.world import World


@dataclass(frozen=True, slots=True)
class Scene:
    """What a world holds besides what a drill keeps of it; ``known`` are the attributes of the people."""

    kept: Kept
    settings: dict[str, str]
    connectwise: ConnectWiseSettings
    business_central: BusinessCentralSettings
    web_services: dict[str, str]
    calls: tuple[Counter[str], ...]
    delays: dict[str, list[timedelta]]
    acts: int
    known: dict[str, Any]


class _World:
    """Stands in the kept attributes for the world that is to come."""


_ANY = _World()


async def set_up(
    world: World, people: object, prepare: Callable[[], Awaitable[None]], *given: Hashable
) -> None:
    """Has ``people`` prepare the world, or lays down what they left the last time.

    What was done in the two systems before, the settings, the kind of world, that of the people and ``given`` must be
    the same. No hooks are registered while a scene is prepared, and all its messages are handled.
    """
    key = (
        type(world),
        type(people),
        given,
        world.acts,
        tuple(sorted(world.settings.items())),
        tuple(stand_in.calls.total() for stand_in in _stand_ins(world)),
    )
    scenes = world.pair.scenes
    scene = scenes.get(key)
    if scene is None:
        await prepare()
        scenes[key] = await _keep(world, people)
    else:
        await _lay(world, people, scene)


def _stand_ins(world: World) -> tuple[Any, ...]:
    return world.connectwise, world.business_central


async def _keep(world: World, people: object) -> Scene:
    assert await world.messages() == 0
    assert not world.cw_records("CallbackEntry")
    environment = world.business_central.environment
    assert not world.business_central.webhooks._subscriptions
    return Scene(
        await keep(world),
        dict(world.settings),
        deepcopy(world.connectwise.settings),
        deepcopy(environment.settings),
        dict(environment.web_services),
        tuple(Counter(stand_in.calls) for stand_in in _stand_ins(world)),
        {name: list(queue.delays) for name, queue in world._queues.items()},
        world.acts,
        deepcopy(vars(people), {id(world): _ANY}),
    )


async def _lay(world: World, people: object, scene: Scene) -> None:
    restore(world, scene.kept)
    world.connectwise.settings = deepcopy(scene.connectwise)
    environment = world.business_central.environment
    environment.settings = deepcopy(scene.business_central)
    environment.web_services.update(scene.web_services)
    for stand_in, calls in zip(_stand_ins(world), scene.calls, strict=True):
        stand_in.calls.clear()
        stand_in.calls.update(calls)
    for name, delays in scene.delays.items():
        world._queues[name].delays[:] = delays
    for table, kept in zip(tables(world), scene.kept.tables, strict=True):
        for operations in by_partition([("upsert", row, {"mode": "replace"}) for row in kept.values()]):
            await table.submit_transaction(operations)
    vars(people).update(deepcopy(scene.known, {id(_ANY): world}))
    world.acts = scene.acts
    if world.settings != scene.settings:
        world.settings = dict(scene.settings)
        await world.restart()
