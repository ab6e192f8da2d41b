"""Both systems as a first load sees them: many passes at once, and few calls for all of them together.

The passes are the ordinary ones. What they read of ConnectWise first is the page that is being loaded; their searches in
Business Central are answered from one list of what is there; what they create is gathered into batches.
"""

import asyncio
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared.domain.errors import OutcomeUnknown, SyncError
from shared.domain.tenure import Extend, current_tenure, tenure
from shared.ports.systems import BusinessCentral, ConnectWise, Lookup

type JsonObject = dict[str, Any]

BATCH: Final = 100
"""The most operations that Business Central takes in one batch."""
GATHER_SECONDS: Final = 0.5
"""How long the first of a batch waits for more."""


class PagedConnectWise:
    """ConnectWise with the records of pages at hand, each for one read; everything else is asked of it as ever."""

    def __init__(self, connectwise: ConnectWise, records: MutableMapping[str, JsonObject]) -> None:
        self._connectwise, self._records = connectwise, records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connectwise, name)

    async def read(self, path: str) -> JsonObject:
        """One record by its path: the page's row, and from then on what ConnectWise has."""
        row = self._records.pop(path, None)
        return row if row is not None else await self._connectwise.read(path)


@dataclass(slots=True)
class _Gathered:
    """The creations of one set that wait for their batch."""

    bodies: list[JsonObject] = field(default_factory=list)
    tenures: list[Extend | None] = field(default_factory=list)
    answers: list[asyncio.Future[JsonObject]] = field(default_factory=list)


class GatheringBusinessCentral:
    """Business Central with the names of what it holds at hand, and with creations gathered into batches."""

    def __init__(self, system: BusinessCentral, known: Mapping[tuple[str, str], set[str]]) -> None:
        self._system, self._known = system, known
        self._gathered: dict[str, _Gathered] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    async def find(self, lookups: Sequence[Lookup]) -> list[list[JsonObject]]:
        """Asks only for what the list knows to be there; in what case a text is written does not count."""
        asked = [one for one in lookups if self._may_exist(one)]
        rows = iter(await self._system.find(asked)) if asked else iter(())
        return [next(rows) if self._may_exist(one) else [] for one in lookups]

    def _may_exist(self, lookup: Lookup) -> bool:
        known = self._known.get((lookup.entity_set, lookup.field))
        return known is None or lookup.value.casefold() in known

    async def create(self, entity_set: str, body: JsonObject) -> JsonObject:
        """Adds a record with the next batch; raises what a creation of its own would raise."""
        gathered = self._gathered.get(entity_set)
        if gathered is None:
            gathered = self._gathered[entity_set] = _Gathered()
            self._start(self._send_later(entity_set, gathered))
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        gathered.bodies.append(body)
        gathered.tenures.append(current_tenure())
        gathered.answers.append(answer)
        if len(gathered.bodies) == BATCH:
            del self._gathered[entity_set]
            self._start(self._send(entity_set, gathered))
        stored = await answer
        self._note(entity_set, body)
        return stored

    def _note(self, entity_set: str, body: JsonObject) -> None:
        for (name, column), values in self._known.items():
            if name == entity_set and body.get(column):
                values.add(str(body[column]).casefold())

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send_later(self, entity_set: str, gathered: _Gathered) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        if self._gathered.get(entity_set) is gathered:
            del self._gathered[entity_set]
            await self._send(entity_set, gathered)

    async def _send(self, entity_set: str, gathered: _Gathered) -> None:
        try:
            with tenure(None):
                answers = await self._system.create_many(entity_set, gathered.bodies, gathered.tenures)
        except SyncError as error:
            answers = [error] * len(gathered.bodies)
        except Exception as error:
            # Whoever waits must hear of it: what was sent is not known, so each looks before it writes again.
            answers = [
                OutcomeUnknown("answer_lost", "A batch ended unexpectedly.", detail=repr(error))
            ] * len(gathered.bodies)
        for waiting, answer in zip(gathered.answers, answers, strict=True):
            if waiting.done():
                continue
            if isinstance(answer, SyncError):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)
