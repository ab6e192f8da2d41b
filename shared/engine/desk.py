"""What people ask for by hand: sync now, show what would happen, list what is open, retry it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from shared.domain.envelope import LOAD, ON_DEMAND, POISON, POISONED, Envelope
from shared.domain.errors import BadRequest
from shared.domain.plans import Outcome
from shared.domain.records import RecordRef, State
from shared.engine.connections.connection import Connections
from shared.engine.kinds.attachments import LEFT_BEHIND
from shared.engine.kinds.by_hand import BY_HAND
from shared.engine.kinds.documents import AWAITING_RELEASE, RELEASE
from shared.engine.loading import takes
from shared.engine.pipeline import Pipeline
from shared.engine.registry import Registry
from shared.ports.platform import Clock
from shared.ports.storage import OpenItem, RecordStore, StateStore, WorkQueue

MOST_PREVIEWS: Final = 50
RELEASABLE: Final = (AWAITING_RELEASE, BY_HAND, LEFT_BEHIND)
"""The causes of holds that a person ends by letting the record go."""


@dataclass(slots=True)
class Desk:
    """On-demand work. Everything that writes goes through the same queue as automatic work."""

    connections: Connections
    registry: Registry
    store: RecordStore
    state: StateStore
    queue: WorkQueue
    clock: Clock
    pipeline: Pipeline
    origin: str

    async def sync(self, connection: str, entity: str, ids: Sequence[str], *, everything: bool) -> int:
        """Queues records, or a sweep over everything of the entity; returns how many messages."""
        subject, only = await self._named(connection, entity)
        if everything:
            option = LOAD if takes(self.registry, subject) else "everything"
            await self.queue.send_sweep(
                Envelope(connection, subject, "*", ON_DEMAND, self.clock.now(), options={option: True})
            )
            return 1
        for record_id in ids:
            await self.queue.send(self._hint(RecordRef(connection, subject, record_id), only))
        return len(ids)

    async def preview(self, connection: str, entity: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The plans of up to 50 records; nothing is written anywhere."""
        if len(ids) > MOST_PREVIEWS:
            raise BadRequest(f"at most {MOST_PREVIEWS} records can be previewed at once")
        subject, only = await self._named(connection, entity)
        plans = []
        for record_id in ids:
            outcomes = await self.pipeline.preview(
                self._hint(RecordRef(connection, subject, record_id), only)
            )
            plans += [{"id": record_id, **shown(outcome)} for outcome in outcomes]
        return plans

    async def work(self, connection: str, entity: str = "", state: str = "") -> list[OpenItem]:
        """What waits, is retried or is held, oldest first."""
        await self._known_connection(connection)
        subjects = [(await self._named(connection, entity))[0]] if entity else self._subject_names()
        only = entity if entity and entity not in self._subject_names() else ""
        items = [
            item
            for subject in subjects
            async for item in self.store.open_items(connection, subject)
            if state in ("", item.state.value) and only in ("", item.entity)
        ]
        return sorted(items, key=lambda item: item.since)

    async def retry(self, connection: str, entity: str = "", ids: Sequence[str] = (), cause: str = "") -> int:
        """Queues open records again; returns how many."""
        items = await self.work(connection, entity)
        refs = {
            item.ref
            for item in items
            if (not ids or item.ref.id in ids) and cause in ("", item.cause) and item.state is not State.DONE
        }
        for ref in sorted(refs):
            await self.queue.send(self._hint(ref, ""))
        count = len(refs)
        if not entity and not ids and cause in ("", "poison"):
            async for name, value in self.poison(connection):
                count += await self._send_again(value)
                await self.state.remove(connection, name)
        return count

    async def _send_again(self, given_up: dict[str, Any]) -> int:
        """Puts a message that was given up back on its queue; 0 when nobody can read it, so that it only goes."""
        try:
            envelope = Envelope.from_json(str(given_up["text"]))
        except ValueError:
            return 0
        options = {name: value for name, value in envelope.options.items() if name != POISONED}
        again = replace(envelope, why=ON_DEMAND, when=self.clock.now(), origin=self.origin, options=options)
        await (self.queue.send_sweep if given_up.get("sweep") else self.queue.send)(again)
        return 1

    async def release(self, connection: str, entity: str, ids: Sequence[str]) -> int:
        """Lets documents go that a workflow rule holds, that a person has booked or that lack a file; returns how many."""
        items = await self.work(connection, entity)
        held = [item for item in items if item.cause in RELEASABLE and item.ref.id in ids]
        for item in held:
            hint = self._hint(item.ref, item.entity)
            await self.queue.send(replace(hint, options={RELEASE: True}))
        return len(held)

    async def workflow(self, connection: str) -> dict[str, Any]:
        """The workflow rules in force."""
        await self._known_connection(connection)
        return await (await self.connections.get(connection)).workflow.document()

    async def save_workflow(self, connection: str, text: str) -> None:
        """Checks and stores workflow rules; raises MappingError with every problem and its place."""
        await self._known_connection(connection)
        documents = {entity.name for entity in self.registry.entities() if entity.subject.date}
        book = (await self.connections.get(connection)).workflow
        await book.put(text, self.clock.now().isoformat(), documents)

    async def drop_workflow(self, connection: str) -> None:
        """Goes back to the standard: everything is posted, or drafted if the settings say so."""
        await self._known_connection(connection)
        await (await self.connections.get(connection)).workflow.drop()

    async def _known_connection(self, connection: str) -> None:
        if connection not in await self.connections.names():
            raise BadRequest(f"there is no connection {connection}")

    async def poison(self, connection: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Messages that crashed their worker until the host gave up on them."""
        async for name, value in self.state.named(connection, POISON):
            yield name, value

    async def record(self, connection: str, entity: str, record_id: str) -> dict[str, Any] | None:
        """Everything known of one record, with its latest attempts."""
        subject, _ = await self._named(connection, entity)
        ref = RecordRef(connection, subject, record_id)
        record = await self.store.get(ref)
        if record is None:
            return None
        attempts = []
        async for attempt in self.store.attempts(ref):
            attempts.append(attempt)
            if len(attempts) == MOST_PREVIEWS:
                break
        return {
            "connection": connection,
            "subject": subject,
            "id": record_id,
            "read_at": record.read_at,
            "source_version": record.source_version,
            "links": [asdict(link) for link in record.links.values()],
            "attempts": attempts,
        }

    async def mapping(self, connection: str, entity: str) -> dict[str, Any]:
        """The mapping document in force."""
        await self._named(connection, entity)
        return await (await self.connections.get(connection)).mappings.document(entity)

    async def save_mapping(self, connection: str, entity: str, text: str) -> int:
        """Checks and stores a mapping document; raises MappingError with every problem and its place."""
        await self._named(connection, entity)
        book = (await self.connections.get(connection)).mappings
        return await book.put(entity, text, self.clock.now().isoformat())

    async def drop_mapping(self, connection: str, entity: str) -> None:
        """Goes back to the standard mapping."""
        await self._named(connection, entity)
        await (await self.connections.get(connection)).mappings.drop(entity)

    def _subject_names(self) -> list[str]:
        return [subject.name for subject in self.registry.subjects()]

    async def _named(self, connection: str, entity: str) -> tuple[str, str]:
        """Subject and narrowing of a name that people use: an entity's or a subject's."""
        await self._known_connection(connection)
        try:
            subject = self.registry.subject_of(entity)
        except KeyError as error:
            known = ", ".join(sorted({*self._subject_names(), *(e.name for e in self.registry.entities())}))
            raise BadRequest(f"there is no entity {entity}; known are {known}") from error
        return subject.name, "" if entity == subject.name else entity

    def _hint(self, ref: RecordRef, only: str) -> Envelope:
        return Envelope(
            ref.connection, ref.subject, ref.id, ON_DEMAND, self.clock.now(), origin=self.origin, only=only
        )


def shown(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain values for a person's eyes."""
    plan = outcome.plan
    return {
        "entity": outcome.entity,
        "action": plan.action.value,
        "reason": plan.reason,
        "todo": plan.todo,
        "steps": list(plan.steps),
        "changes": [asdict(change) for change in plan.changes],
        "payload": plan.payload,
        "needs": [str(needed) for needed in plan.needs],
        "warnings": list(plan.warnings),
    }
