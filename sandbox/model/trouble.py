"""Random trouble: faults of both systems, hints that come late, twice or never, timers, and the end of the process."""

import random
from typing import Final

from sandbox.kit import Fault
from sandbox.model.world import ModelWorld
from shared.app import DEFAULT
from shared.domain.envelope import Envelope
from shared.triggers.queues import KEEP_HOOKS

SYSTEMS: Final = ("connectwise", "business_central")
STATUSES: Final = (401, 403, 409, 429, 500, 502, 503, 504)
BROKEN: Final = ("reset", "lost", "cut", "html", "badjson")
KEPT_HINTS: Final = 30


class Trouble:
    """What goes wrong. A step returns what happened in words, or an empty text."""

    def __init__(self, world: ModelWorld) -> None:
        self.world = world
        self.hints: list[Envelope] = []

    async def fault(self, chance: random.Random) -> str:
        """A system fails at one of its next calls, once or a few times."""
        system = chance.choice(SYSTEMS)
        some, skip = chance.randint(1, 3), chance.randint(0, 8)
        if chance.random() < 0.5:
            status = chance.choice(STATUSES)
            headers = {"Retry-After": "1"} if status == 429 else {}
            fault = Fault("status", status=status, headers=headers, times=some, skip=skip)
        else:
            fault = Fault(chance.choice(BROKEN), times=some, skip=skip)
        stand_in = self.world.stand_in(system)
        stand_in.faults = [one for one in stand_in.faults if one.times > 0] + [fault]
        return (
            f"{system} will answer {fault.kind} {fault.status if fault.kind == 'status' else ''} {some} times"
        )

    async def work(self, chance: random.Random) -> str:
        """Some of the waiting messages are handled, in any order."""
        before = self.world.handled
        await self.world.some_messages(chance.randint(1, 8), chance)
        return self._worked(before)

    async def work_at_once(self, chance: random.Random) -> str:
        """Some are handled at the same time."""
        before = self.world.handled
        await self.world.some_messages(chance.randint(2, 8), chance, at_once=chance.randint(2, 4))
        return self._worked(before)

    async def rest(self, _chance: random.Random) -> str:
        """Everything that waits is handled, and what follows from it."""
        before = self.world.handled
        await self.world.drain()
        return self._worked(before)

    def _worked(self, before: int) -> str:
        count = self.world.handled - before
        return f"{count} messages are handled" if count else ""

    async def crash(self, chance: random.Random) -> str:
        """The process dies after some writes and kept steps, or when it has nothing to do."""
        before = self.world.crashes
        await self.world.crash_after(chance.randint(1, 8), 6, chance)
        return "the process dies in mid-work" if self.world.crashes > before else "the process is restarted"

    async def repeat(self, chance: random.Random) -> str:
        """Callbacks of earlier come again."""
        log = list(self.world.connectwise.callbacks.log)
        some = chance.sample(log, min(len(log), chance.randint(1, 4)))
        return f"{self.world.connectwise.callbacks.replay(some)} callbacks come again" if some else ""

    async def late(self, chance: random.Random) -> str:
        """A hint that was made long ago is delivered now; another one is kept for later."""
        due = await self.world.due()
        if due:
            self.hints = [*self.hints, Envelope.from_json(chance.choice(due).body)][-KEPT_HINTS:]
        old = [hint for hint in self.hints if hint.id != "*"]
        if not old:
            return ""
        hint = chance.choice(old)
        await self.world.app.queue.send(hint)
        return f"the hint of {hint.ref} comes again"

    async def lose(self, chance: random.Random) -> str:
        """From now on ConnectWise's callbacks get lost, or arrive again."""
        settings = self.world.connectwise.settings
        settings.lose_callbacks = chance.random() < 0.5
        return "callbacks get lost" if settings.lose_callbacks else "callbacks arrive"

    async def disconnect(self, chance: random.Random) -> str:
        """ConnectWise disables the callbacks, or somebody deletes them."""
        path = chance.choice(("callbacks/disable", "callbacks/drop"))
        await self.world.cw(path)
        return f"ConnectWise: {path}"

    async def timer(self, chance: random.Random) -> str:
        """A timer queues one of its sweeps."""
        names = [s.name for s in self.world.app.registry.subjects() if s.path or s.business_central]
        subject = chance.choice([*names, "settlement", KEEP_HOOKS])
        await self.world.app.queue.send_sweep(self.world.envelope(subject, "*", "timer"))
        return f"the timer asks for {subject}"

    async def retry(self, _chance: random.Random) -> str:
        """A person retries everything that is open."""
        count = await self.world.app.desk.retry(DEFAULT)
        return f"a person retries {count}" if count else ""

    async def time(self, chance: random.Random) -> str:
        """Time passes."""
        due = [one.due for one in await self.world.waiting()]
        if not due:
            return ""
        self.world.clock.reach(chance.choice(due))
        return "time passes"
