"""Plans the repair of each drift: in words, in steps, and as hints for the engine.

Documents are never deleted nor posted again: where that would be needed, the repair is by hand.
"""

from collections.abc import Mapping
from typing import Final

from shared.domain.money import cents
from shared.domain.records import RecordRef
from shared.reconcile.model import Drift, DriftClass, Repair
from shared.reconcile.planning import Planner, Planning
from shared.reconcile.purchase_repairs import PURCHASE_PLANNERS, is_purchase


def plan(planning: Planning, drift: Drift) -> Repair:
    """The repair of one drift."""
    planners = PURCHASE_PLANNERS if is_purchase(planning.registry.entity(drift.entity)) else PLANNERS
    return planners[drift.kind](planning, drift)


def _missing(planning: Planning, drift: Drift) -> Repair:
    title = planning.title(drift)
    if planning.is_document(drift):
        return planning.again(
            drift,
            f"The {title} is looked up by its number, and drafted and posted only where there is none.",
            f"look up {drift.number} in Business Central",
            f"draft and post the {title}, or link the one that is there",
            "batch it in ConnectWise",
            "write its number to ConnectWise",
        )
    return planning.again(
        drift,
        f"The {title} is looked up by the adoption rules and created where there is none.",
        f"look up {drift.number} in Business Central",
        f"adopt or create the {title}",
        "write its number to ConnectWise",
    )


def _extra(planning: Planning, drift: Drift) -> Repair:
    title, number = planning.title(drift), drift.target_number
    if not planning.is_document(drift):
        return planning.person(
            drift,
            f"Nobody in ConnectWise is {number}.",
            f"Open {title} {number} in Business Central and find out who made it.",
            "If it has no entries, delete it; otherwise block it (Blocked: All), or enter the number in ConnectWise.",
        )
    if drift.facts.get("posted"):
        return planning.person(
            drift,
            f"{number} is posted without a document in ConnectWise.",
            f"Find out who posted {number} with the external number {drift.number}.",
            "If it is wrong, correct it in Business Central with a corrective document (Correct or Cancel).",
            "If it is right and not from ConnectWise, give such documents external numbers of another form.",
        )
    return planning.person(
        drift,
        f"The draft {number} has no document in ConnectWise.",
        f"Delete the draft {number} in Business Central, or give it another external document number.",
    )


def _changed_there(planning: Planning, drift: Drift) -> Repair:
    if not planning.is_document(drift):
        fields = ", ".join(drift.connectwise or ())
        return planning.again(
            drift,
            "ConnectWise leads: what it says is written again.",
            f"read {drift.target_number} in Business Central",
            f"change {fields} to what ConnectWise says",
        )
    if drift.facts.get("cancelled"):
        return planning.person(
            drift,
            f"{drift.target_number} was cancelled in Business Central; ConnectWise still counts it as owed.",
            f"Enter a credit memo for invoice {drift.number} in ConnectWise and apply it to the invoice.",
            "Put the credit memo into a batch of its own: Business Central has its corrective document already.",
        )
    if drift.connectwise is None:
        return planning.again(
            drift,
            "An accountant posted the draft; the rest follows.",
            f"read {drift.target_number} and compare totals",
            "batch it in ConnectWise",
            "write its number to ConnectWise",
        )
    fields = ", ".join(f"{name}: {value}" for name, value in drift.connectwise.items())
    return planning.person(
        drift,
        "A posted document was changed by hand.",
        f"Open {drift.target_number} in Business Central and set it back ({fields}),",
        "or, if the change is right, make it in ConnectWise too and note there why they differ.",
    )


def _changed_here(planning: Planning, drift: Drift) -> Repair:
    return planning.again(
        drift,
        "The record is read again and what differs is sent.",
        f"read {drift.subject} {drift.id} in ConnectWise",
        "compare and send what differs",
    )


def _stale(planning: Planning, drift: Drift) -> Repair:
    if not planning.is_document(drift):
        return planning.again(
            drift,
            "The link is made anew.",
            f"forget {drift.target_number}",
            "adopt the record by the adoption rules, or create it again under its number",
        )
    if not drift.facts.get("posted"):
        return planning.again(
            drift, "The deleted draft is made anew.", "look the number up", "draft the document again"
        )
    return planning.person(
        drift,
        f"{drift.target_number} was posted and is gone; it is never posted a second time by itself.",
        f"Look for {drift.number} in Business Central's posted documents and customer ledger entries.",
        "If the ledger entry exists, nothing is owed twice: restore the document from a backup or note the reason.",
        "If it does not, delete the batch in ConnectWise: its documents return to the unposted list for a new decision.",
    )


def _deleted(planning: Planning, drift: Drift) -> Repair:
    if planning.is_document(drift):
        return planning.person(
            drift,
            f"{drift.target_number} has no document in ConnectWise any more.",
            f"If the deletion was right, correct {drift.target_number} in Business Central (Correct or Cancel).",
            "If it was a mistake, enter the document again in ConnectWise and put it into a batch of its own.",
            hint=True,
        )
    return planning.again(
        drift,
        f"The link is retired; {drift.target_number} stays in Business Central and is changed no more.",
        "retire the link",
        f"optional, by hand: block {planning.title(drift)} {drift.target_number} in Business Central",
    )


def _merged(planning: Planning, drift: Drift) -> Repair:
    title = planning.title(drift)
    if owners := drift.facts.get("owners"):
        return planning.person(
            drift,
            f"One {title} stands for {len(owners)} ConnectWise records.",
            f"Merge {drift.subject} {', '.join(owners)} in ConnectWise if they are one,",
            f"or give all but one of them another number in ConnectWise and sync them: each gets a {title} of its own.",
        )
    number = drift.facts.get("into_number")
    return planning.person(
        drift,
        f"{drift.target_number} and {number} are one {title} now.",
        f"Open {title} {drift.target_number} in Business Central and choose Merge With, {number}: its entries move.",
        f"Where entries must stay, block {drift.target_number} instead (Blocked: All).",
        hint=True,
    )


def _duplicate(planning: Planning, drift: Drift) -> Repair:
    extra, kept = drift.facts.get("number"), drift.target_number
    if not planning.is_document(drift):
        return planning.person(
            drift,
            f"{extra} and {kept} are the same; {kept} is the one in use.",
            f"Open {planning.title(drift)} {extra} in Business Central, choose Merge With and {kept}, or block it.",
        )
    if drift.facts.get("posted"):
        return planning.person(
            drift,
            f"{drift.number} is posted twice: {kept} is ours, {extra} is too much.",
            f"Correct {extra} in Business Central (Correct or Cancel), and unapply its payments first.",
            f"Apply those payments to {kept}.",
        )
    return planning.person(
        drift, f"The draft {extra} would post {drift.number} again.", f"Delete the draft {extra}."
    )


def _total(planning: Planning, drift: Drift) -> Repair:
    difference = cents(drift.connectwise) - cents(drift.business_central)
    owed = difference if drift.entity == "sales_invoice" else -difference
    document = "an invoice" if owed > 0 else "a credit memo"
    return planning.person(
        drift,
        f"Bring {drift.number} and {drift.target_number} to one total; the difference is {difference} {drift.currency}.",
        f"Compare the lines of {drift.number} in ConnectWise and {drift.target_number} in Business Central.",
        f"If ConnectWise is right, post {document} of {abs(difference)} {drift.currency} to the same customer,",
        "or cancel the posted document, take the invoice out of its batch and have it sent anew.",
        "If Business Central is right, set the invoice back in ConnectWise (Unbatch, edit, close, Rebatch).",
    )


def _payment(planning: Planning, drift: Drift) -> Repair:
    known = {int(one["id"]) for one in drift.facts.get("known", {}).values()}
    foreign = [row for row in planning.payments.get(drift.id, ()) if int(row["id"]) not in known]
    if foreign and drift.facts.get("how") == "extra" and drift.facts.get("caught_up"):
        names = ", ".join(
            f"{row['id']} ({row['amount']} of {str(row.get('paymentDate', ''))[:10]})" for row in foreign
        )
        return planning.person(
            drift,
            f"ConnectWise holds payments that Business Central does not know: {names}.",
            f"If the money came in, post and apply it to {drift.target_number} in Business Central, then delete"
            " the payment in ConnectWise: it comes back from there.",
            f"If it did not, delete the payment on invoice {drift.number} in ConnectWise.",
            hint=True,
        )
    return planning.again(
        drift,
        "Business Central leads: ConnectWise gets the payments that are applied there.",
        f"read the applications of {drift.target_number}",
        f"add, change and remove our payments on invoice {drift.number} in ConnectWise",
    )


def _unconfirmed(planning: Planning, drift: Drift) -> Repair:
    subject = str(drift.facts.get("settlement") or drift.subject)
    return Repair(
        "The posting is confirmed again.",
        (f"write {drift.target_number} to the internal notes of {drift.number} in ConnectWise",),
        hints=(RecordRef(planning.connection, subject, drift.id),),
    )


def _unbatched(planning: Planning, drift: Drift) -> Repair:
    return planning.person(
        drift,
        str(drift.facts.get("todo") or "Put the document back into its batch."),
        f"If {drift.number} was not edited, choose Rebatch in ConnectWise: it returns to its batch.",
        f"If it was edited, cancel {drift.target_number} in Business Central and have the invoice sent anew.",
        hint=True,
    )


PLANNERS: Final[Mapping[DriftClass, Planner]] = {
    DriftClass.MISSING: _missing,
    DriftClass.EXTRA: _extra,
    DriftClass.CHANGED_IN_BUSINESS_CENTRAL: _changed_there,
    DriftClass.CHANGED_IN_CONNECTWISE: _changed_here,
    DriftClass.STALE_LINK: _stale,
    DriftClass.DELETED_IN_CONNECTWISE: _deleted,
    DriftClass.MERGED: _merged,
    DriftClass.DUPLICATE: _duplicate,
    DriftClass.TOTAL_DIFFERS: _total,
    DriftClass.PAYMENT_DIFFERS: _payment,
    DriftClass.UNCONFIRMED: _unconfirmed,
    DriftClass.UNBATCHED: _unbatched,
}
