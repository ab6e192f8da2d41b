"""Correcting a posted sales invoice: a credit memo copied from it as a draft, or posted at once to cancel it."""

from typing import Final

from sandbox.business_central import posting
from sandbox.business_central.environment import Environment, today
from sandbox.business_central.errors import ApiError, dialog
from sandbox.business_central.fields import SETS
from sandbox.business_central.kinds import INVOICE, KINDS
from sandbox.business_central.lines import lines_of, recalculate
from sandbox.business_central.store import Company, Record

_PAID: Final = (
    "You cannot cancel this posted sales invoice because it is fully or partially paid.\\\\"
    "To reverse a paid sales invoice, you must manually create a sales credit memo."
)
_DIFFERENT: Final = {"id", "number", "status", "lastModifiedDateTime", "postingDate"}


def make_corrective_credit_memo(environment: Environment, company: Company, invoice: Record) -> Record:
    """A draft credit memo with the lines of the invoice, applied to it; refused once anything is paid or credited."""
    _check_posted(invoice)
    remaining = company.ledger.remaining(_entry_no(company, invoice))
    if not remaining:
        raise dialog("The invoice is closed. The corrective credit memo will not be applied to the invoice.")
    if remaining != invoice.values["totalAmountIncludingTax"]:
        raise dialog(
            "The invoice is partially paid or credited. The corrective credit memo may not be fully closed by the invoice."
        )
    return _copied(environment, company, invoice)


def cancel(environment: Environment, company: Company, invoice: Record) -> None:
    """Creates and posts a credit memo that closes the invoice; they become ``Canceled`` and ``Corrective``."""
    _check_posted(invoice)
    if invoice.values["status"] == "Canceled":
        raise dialog("The invoice cannot be canceled because it has already been canceled.")
    remaining = company.ledger.remaining(_entry_no(company, invoice))
    if remaining != invoice.values["totalAmountIncludingTax"]:
        raise _failed(_PAID, "")
    environment.store.commit()
    memo = _copied(environment, company, invoice)
    try:
        posting.post(environment, company, memo)
    except ApiError as error:
        raise _failed(error.message, "\\\\A credit memo is created but not posted.") from error
    environment.store.update(company, invoice, {"status": "Canceled"}, {"corrected": True})
    environment.store.update(company, memo, {"status": "Corrective"}, {"corrected": True})


def _failed(reason: str, outcome: str) -> ApiError:
    text = f"Canceling the invoice failed because of the following error: \\\\{reason}{outcome}"
    return dialog(text)


def _check_posted(invoice: Record) -> None:
    if not invoice.hidden["posted"]:
        raise dialog("The action can be applied to a posted invoice only.")


def _entry_no(company: Company, invoice: Record) -> int:
    entry = company.ledger.find(INVOICE, invoice.values["number"])
    if entry is None:
        raise ValueError(f"no ledger entry of invoice {invoice.values['number']}")
    return entry.entry_no


def _copied(environment: Environment, company: Company, invoice: Record) -> Record:
    kind = KINDS["salesCreditMemos"]
    store, source = environment.store, invoice.values
    values = {name: source[name] for name in SETS[kind.set_name].fields if name in source.keys() - _DIFFERENT}
    values |= {"number": company.next_number(*kind.draft), "status": "Draft", "postingDate": today()}
    values |= {"creditMemoDate": values["postingDate"], "dueDate": values["postingDate"]}
    values["invoiceNumber"] = source["number"]
    shared = {name: invoice.hidden[name] for name in ("dimensions", "rate", "taxed")}
    memo = store.insert(company, kind.set_name, values, shared | {"posted": False, "corrects": invoice.key})
    for line in lines_of(company, invoice):
        own = line.values | {"documentId": memo.key}
        store.insert(company, kind.lines, own, dict(line.hidden))
    recalculate(environment, company, memo)
    return memo
