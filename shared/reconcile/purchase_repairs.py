"""Plans the repair of what is bought and spent: purchase invoices, journals, orders and receipts.

What is posted is never posted again and never changed here: the steps are those that a person takes.
"""

from collections.abc import Mapping
from typing import Final

from shared.domain.money import cents
from shared.engine.entity import Entity
from shared.engine.kinds.documents import Document
from shared.engine.kinds.journals import Journal
from shared.engine.kinds.orders import Order
from shared.engine.kinds.parts import Parts
from shared.engine.kinds.receipts import Receipt
from shared.reconcile.model import Drift, DriftClass, Repair
from shared.reconcile.planning import Planner, Planning


def is_purchase(entity: Entity) -> bool:
    """True for what is bought and spent."""
    sold = isinstance(entity, Document) and entity.accounting == "invoices"
    return isinstance(entity, Document | Parts | Journal | Order | Receipt) and not sold


def _missing(planning: Planning, drift: Drift) -> Repair:
    return planning.again(
        drift,
        "The record is read, and what travels of it is looked up in Business Central before anything is made.",
        f"read {drift.subject} {drift.id} in ConnectWise",
        "look up what Business Central has of it",
        "make what is missing, or link what is there",
    )


def _changed_here(planning: Planning, drift: Drift) -> Repair:
    return planning.again(
        drift,
        "The record is read again and what differs is sent, or held where it is posted.",
        f"read {drift.subject} {drift.id} in ConnectWise",
        "compare and send what differs",
    )


def _extra(planning: Planning, drift: Drift) -> Repair:
    number, title = drift.target_number, planning.title(drift)
    if not drift.facts["posted"]:
        return planning.person(
            drift,
            f"The draft {number} would book {drift.number}, and no {title} is linked to it.",
            f"Compare {number} in Business Central with {drift.number} in ConnectWise.",
            f"Delete the draft {number}, or give it another vendor invoice number if it is something else.",
        )
    if isinstance(planning.registry.entity(drift.entity), Journal):
        return planning.person(
            drift,
            f"{number} is booked, and no {title} is linked to it.",
            f"Find out who posted {number} in the general ledger entries of Business Central.",
            "If it is wrong, reverse it there (Reverse Transaction); otherwise give such entries other numbers.",
        )
    return planning.person(
        drift,
        f"{number} is posted under {drift.number}, and no {title} is linked to it: the same may be booked twice.",
        f"Compare {number} in Business Central with what is booked for {drift.number} from ConnectWise.",
        f"If it is booked twice, correct {number} in Business Central (Correct or Cancel).",
        "If it is something else, give it another vendor invoice number.",
    )


def _duplicate(planning: Planning, drift: Drift) -> Repair:
    extra, kept = drift.facts["number"], drift.target_number
    if drift.facts["posted"]:
        return planning.person(
            drift,
            f"{drift.number} is posted twice: {kept} is ours, {extra} is too much.",
            f"Correct {extra} in Business Central (Correct or Cancel), and unapply its payments first.",
        )
    return planning.person(
        drift, f"The draft {extra} would post {drift.number} again.", f"Delete the draft {extra}."
    )


def _changed_there(planning: Planning, drift: Drift) -> Repair:
    number, entity = drift.target_number, planning.registry.entity(drift.entity)
    if isinstance(entity, Order):
        return _order_changed(planning, drift)
    if isinstance(entity, Receipt):
        return planning.person(
            drift,
            f"What is received on {number} in Business Central is something else than was received from ConnectWise.",
            "If too much is received there, undo the receipt (Posted Purchase Receipts, Undo Receipt), or receive it in"
            " ConnectWise too.",
            "If a receipt was undone there, undo it in ConnectWise too, or receive the quantity again.",
            hint=bool(drift.facts["recorded"]),
        )
    if drift.facts.get("cancelled"):
        return planning.person(
            drift,
            f"{number} was cancelled in Business Central; ConnectWise still counts it as exported.",
            f"If that was right, undo it in ConnectWise too: take {drift.number} out of its batch and correct it there.",
            f"If it was a mistake, enter {drift.number} by hand in Business Central.",
        )
    if drift.connectwise is None:
        return planning.again(
            drift,
            "Somebody posted it in Business Central; the rest follows.",
            "compare what was posted",
            "batch it in ConnectWise",
        )
    fields = ", ".join(f"{name}: {value}" for name, value in drift.connectwise.items())
    if not drift.facts["posted"]:
        return planning.person(
            drift,
            f"The draft {number} was changed by hand.",
            f"Set {number} back in Business Central ({fields}),",
            "or delete the draft: the next run has it made anew from ConnectWise.",
        )
    return planning.person(
        drift,
        "A posted document was changed by hand.",
        f"Open {number} in Business Central and set it back ({fields}),",
        "or, if the change is right, note there why it differs from ConnectWise.",
    )


def _order_changed(planning: Planning, drift: Drift) -> Repair:
    number, steps = drift.target_number, drift.facts["steps"]
    if drift.facts["frozen"] or drift.facts["settled"]:
        return planning.person(
            drift,
            f"{number} is released or received, so only a person can change it.",
            f"Reopen {number} in Business Central and set back: {'; '.join(steps)}; release it and retry.",
            "If the change is right, release the record here instead: the order is taken as it is.",
            hint=True,
        )
    return planning.again(
        drift,
        "ConnectWise leads: the order is set back to what it says.",
        f"read {number} in Business Central",
        *steps,
    )


def _stale(planning: Planning, drift: Drift) -> Repair:
    number, entity = drift.target_number, planning.registry.entity(drift.entity)
    if isinstance(entity, Order):
        if drift.facts["posted"]:
            return planning.person(
                drift,
                f"{number} was deleted before all of it was received; it is not ordered a second time by itself.",
                f"If the rest still comes, enter an order for it by hand in Business Central under {drift.number}.",
                f"If it does not, cancel the rest of order {drift.number} in ConnectWise.",
            )
        return planning.again(
            drift,
            "The receipts of the order are looked up; it is ordered again only where there are none.",
            f"look up receipts of {number}",
            "find or make the order",
        )
    if not drift.facts["posted"]:
        return planning.again(
            drift, "The deleted draft is made anew.", "look the number up", "draft the document again"
        )
    return planning.person(
        drift,
        f"{number} was posted and is gone; it is never posted a second time by itself.",
        f"Look for {drift.number} among the posted documents and vendor ledger entries of Business Central.",
        "If the entries exist, nothing is owed twice: restore the document from a backup or note the reason.",
        "If they do not, delete the batch in ConnectWise: what it holds returns to the unposted list.",
    )


def _deleted(planning: Planning, drift: Drift) -> Repair:
    number, entity = drift.target_number, planning.registry.entity(drift.entity)
    if isinstance(entity, Order):
        return planning.again(
            drift,
            f"{number} is deleted while nothing of it is received; otherwise it is held for a person.",
            f"read {number} in Business Central",
            "delete it, or hold it with the steps to make by hand",
        )
    return planning.person(
        drift,
        f"{number} has no record in ConnectWise any more.",
        f"If the deletion was right, correct or reverse {number} in Business Central.",
        "If it was a mistake, enter it again in ConnectWise and put it into a batch of its own.",
        # A bill is made of an order that no longer says anything of it: only these two are held by their own rules.
        hint=isinstance(entity, Document | Journal),
    )


def _total(planning: Planning, drift: Drift) -> Repair:
    number, difference = drift.target_number, cents(drift.connectwise) - cents(drift.business_central)
    words = (
        f"Bring {drift.number} and {number} to one total; the difference is {difference} {drift.currency}."
    )
    if not drift.facts["posted"]:
        return planning.person(
            drift,
            words,
            f"Set the lines of the draft {number} back in Business Central,",
            "or delete the draft: the next run has it made anew from ConnectWise.",
        )
    if isinstance(planning.registry.entity(drift.entity), Journal):
        return planning.person(
            drift,
            words,
            f"Look at every general ledger entry under {number} in Business Central.",
            "Reverse what does not belong there, or book what is missing under the same number.",
        )
    return planning.person(
        drift,
        words,
        f"Compare the lines of {drift.number} in ConnectWise and {number} in Business Central.",
        f"If ConnectWise is right, correct {number} in Business Central and book the difference to the same vendor.",
        "If Business Central is right, set it back in ConnectWise and put it into its batch again.",
    )


PURCHASE_PLANNERS: Final[Mapping[DriftClass, Planner]] = {
    DriftClass.MISSING: _missing,
    DriftClass.EXTRA: _extra,
    DriftClass.DUPLICATE: _duplicate,
    DriftClass.CHANGED_IN_BUSINESS_CENTRAL: _changed_there,
    DriftClass.CHANGED_IN_CONNECTWISE: _changed_here,
    DriftClass.STALE_LINK: _stale,
    DriftClass.DELETED_IN_CONNECTWISE: _deleted,
    DriftClass.TOTAL_DIFFERS: _total,
}
