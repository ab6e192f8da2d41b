"""Files that go with a document: planned with it, and carried to its draft once, before it is posted.

Every file has the number of its ConnectWise document in its name, so what an earlier pass began is found by name.
The size that Business Central tells is no proof: a list with a single file leaves it out (codeunit Graph Mgt -
Attachment Buffer). Where it differs the content is written again, which changes nothing that was right.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from shared.domain.errors import HoldForPerson, NotFound, StopConnection
from shared.domain.plans import Change, Plan
from shared.engine.entity import Job, JsonObject

HOLD: Final = "hold"
OFF: Final = "off"
LEFT_BEHIND: Final = "attachment"
"""The cause of a hold for a file that cannot go along."""
PERMISSION: Final = "permission"
GONE: Final = "is no longer in ConnectWise"
RECORD_MISSING: Final = "record_missing"
"""The cause of a 404 that means the document itself; any other means that there is no such place."""
FILES: Final = "files"
"""The fact that lists the files that go with the document."""
ATTACHED: Final = "attached"
"""The fact that holds, by the number of the ConnectWise document, what is attached to the present draft."""
REFUSED: Final = "refused_files"
"""The fact that holds the files that were refused while they were carried."""
LEFT: Final = "files_left_out"
"""The fact that holds the files without which a person has let the document go."""
MEGABYTE: Final = 1_000_000
LONGEST_NAME: Final = 250
SHELVES: Final = ("documentAttachments", "attachments")
"""Where Business Central keeps files: since 22.1 beside the document, before as incoming documents."""
PARENT_TYPES: Final = {
    "purchaseInvoices": "Purchase_x0020_Invoice",
    "salesInvoices": "Sales_x0020_Invoice",
    "salesCreditMemos": "Sales_x0020_Credit_x0020_Memo",
}
_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


@dataclass(frozen=True, slots=True)
class Owner:
    """A ConnectWise record whose files go along: the record type of system/documents, and the record's id."""

    record_type: str
    record_id: int


type Owners = Callable[[JsonObject], Sequence[Owner]]
"""What an entity declares: whose files go with the document that is made of a gathered source."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a document: those that go along (``id``, ``name``, ``size``), and what is told of the others."""

    carried: tuple[JsonObject, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """The step of a plan."""
        return (f"attach files: {len(self.carried)}",) if self.carried else ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """What a plan shows of the files."""
        because = "documents of the source record in ConnectWise"
        return tuple(Change("attachments", None, file["name"], because) for file in self.carried)


async def plan_files(job: Job, owners: Owners | None, source: JsonObject, *, released: bool) -> Files:
    """The files that go along, by the options ``attachments`` and ``attachment_limit_mb``.

    Raises HoldForPerson for a file that cannot, unless it is to be noted only, or a person has ``released`` the
    document that was held for it.
    """
    options = job.connection.options
    if owners is None or options.attachments == OFF:
        return Files()
    carried, left, links = await _listed(job, owners(source))
    _let_go(job, left, released=released)
    open_ones = [text for key, text in left.items() if key not in job.link.facts.get(LEFT, ())]
    if open_ones and options.attachments == HOLD:
        raise hold_of_files(" ".join(open_ones))
    carried = [file for file in carried if str(file["id"]) not in job.link.facts.get(LEFT, ())]
    return Files(tuple(carried), (*left.values(), *links))


async def files_left(job: Job, owners: Owners | None, source: JsonObject) -> tuple[str, ...]:
    """A warning for each file that stays in ConnectWise, because what is made of the source cannot have any."""
    if owners is None or job.connection.options.attachments == OFF:
        return ()
    carried, left, links = await _listed(job, owners(source))
    return (*(f"{file['name']} stays in ConnectWise." for file in carried), *left.values(), *links)


async def _listed(
    job: Job, owners: Sequence[Owner]
) -> tuple[list[JsonObject], dict[str, str], tuple[str, ...]]:
    """The files that can go along, by key what cannot and why, and links, which are no files."""
    carried: list[JsonObject] = []
    left: dict[str, str] = {}
    links: list[str] = []
    limit = job.connection.options.attachment_limit_mb
    for owner in owners:
        for row in await _documents(job, owner, left):
            name = str(row.get("fileName") or row.get("title") or "file")
            size = row.get("size")
            if row.get("linkFlag") or row.get("urlFlag"):
                links.append(f"{name} is a link, no file: it stays in ConnectWise.")
            elif size == 0:
                links.append(f"{name} is empty: it stays in ConnectWise.")
            elif size is not None and int(size) > limit * MEGABYTE:
                left[str(row["id"])] = f"{name} has {int(size):,} bytes, more than {limit} MB."
            else:
                carried.append({"id": int(row["id"]), "name": name_of(name, int(row["id"])), "size": size})
    return carried, left, tuple(links)


async def _documents(job: Job, owner: Owner, left: dict[str, str]) -> list[JsonObject]:
    """What ConnectWise lists; a right that only this needs keeps back what has files, not the whole connection."""
    try:
        return await job.connection.connectwise.documents(owner.record_type, owner.record_id)
    except (HoldForPerson, StopConnection) as refused:
        if isinstance(refused, StopConnection) and refused.cause != PERMISSION:
            raise
        key = f"{owner.record_type} {owner.record_id}"
        left[key] = f"The files of {key} cannot be read: {refused.operator}"
        return []


def _let_go(job: Job, left: dict[str, str], *, released: bool) -> None:
    facts = job.link.facts
    if released and job.link.cause == LEFT_BEHIND:
        facts[LEFT] = sorted({*facts.get(LEFT, ()), *left, *facts.get(REFUSED, ())})
    facts.pop(REFUSED, None)


def name_of(name: str, number: int) -> str:
    """The file's name in Business Central, with the number of its ConnectWise document."""
    path = PurePosixPath(_NOT_IN_NAMES.sub("_", name).strip() or "file")
    mark = f" (CW {number}){path.suffix}"
    return path.stem[: LONGEST_NAME - len(mark)] + mark


async def carry_files(job: Job, plan: Plan, target: str, record_id: str) -> None:
    """Attaches to the draft what is not attached yet, one file after the other, each recorded."""
    facts, missing = job.link.facts, _missing(job)
    if not missing:
        return
    attached: dict[str, str] = facts.setdefault(ATTACHED, {})
    shelf, present = await _present(job, f"{target}({record_id})")
    for file in missing:
        header = {"fileName": file["name"], "parentType": PARENT_TYPES[target], "parentId": record_id}
        try:
            there = present.get(_key(file["name"]))
            attached[str(file["id"])] = name = await _carry(job, file, shelf, header, there)
            if not name:
                plan.reason = f"{plan.reason} {file['name']} {GONE}: the document goes without it.".strip()
        except (HoldForPerson, StopConnection) as refused:
            if isinstance(refused, StopConnection) and refused.cause != PERMISSION:
                raise
            text = f"{file['name']} cannot be attached: {refused.operator}"
            if job.connection.options.attachments == HOLD:
                facts[REFUSED] = [str(file["id"])]
                raise hold_of_files(text) from refused
            plan.reason = f"{plan.reason} {text}".strip()
            attached[str(file["id"])] = ""
        await job.checkpoint("drafted")


def note_files_left(job: Job, plan: Plan) -> None:
    """Says which files a document lacks that somebody has posted before they were carried."""
    if missing := _missing(job):
        names = ", ".join(str(file["name"]) for file in missing)
        plan.reason = f"{plan.reason} Posted in Business Central without {names}.".strip()


def _missing(job: Job) -> list[JsonObject]:
    attached = job.link.facts.get(ATTACHED, {})
    return [file for file in job.link.facts.get(FILES, ()) if str(file["id"]) not in attached]


async def _present(job: Job, parent: str) -> tuple[str, dict[str, JsonObject]]:
    """The set that keeps the files here, and by name those of the document."""
    for shelf in SHELVES:
        rows: list[JsonObject] = []
        try:
            async for page in job.connection.business_central.scan(f"{parent}/{shelf}"):
                rows += page
        except NotFound as missing:
            if shelf == SHELVES[-1] or missing.cause == RECORD_MISSING:
                raise
            continue
        return shelf, {_key(str(row["fileName"])): row for row in rows}
    raise AssertionError("there is a last shelf")


async def _carry(
    job: Job, file: JsonObject, shelf: str, header: JsonObject, present: JsonObject | None
) -> str:
    """The file's name once it is attached; empty when ConnectWise has it no longer."""
    system, name = job.connection.business_central, str(file["name"])
    if present is not None and file["size"] is not None and present["byteSize"] == file["size"]:
        return name
    most = job.connection.options.attachment_limit_mb * MEGABYTE
    page = name.lower().endswith((".htm", ".html"))
    async with AsyncExitStack() as stack:
        try:
            content = await stack.enter_async_context(
                job.connection.connectwise.download(file["id"], most=most, page=page)
            )
        except NotFound:
            return ""
        row = present or await system.create(shelf, header)
        await system.fill(shelf, str(row["id"]), "attachmentContent", content)
    return name


def _key(name: str) -> str:
    return name.rstrip(".").casefold()


def hold_of_files(text: str) -> HoldForPerson:
    """Why a document waits for a person because of a file."""
    return HoldForPerson(
        LEFT_BEHIND,
        text,
        todo="Put a smaller or another file in its place in ConnectWise, or mend what is named, and retry; or release "
        "the document, which lets it go without the file.",
    )
