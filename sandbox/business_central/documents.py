"""Document headers of every kind: creating with deep insert, changing and deleting drafts."""

from typing import Final

from sandbox.business_central import applies_to, attachments, dimensions, parties, receiving
from sandbox.business_central.environment import Environment, today
from sandbox.business_central.errors import dialog, field_error
from sandbox.business_central.fields import BLANK_DATE, BLANK_GUID, SETS
from sandbox.business_central.kinds import BY_LINES, KINDS, ORDER, DocumentKind, kind_of
from sandbox.business_central.lines import insert_line, lines_of, recalculate
from sandbox.business_central.relations import related
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.validate import checked
from sandbox.kit import Json

_CHANGEABLE_WHEN_POSTED: Final = {"dueDate", "promisedPayDate", "disputeStatus", "disputeStatusId"}
_ONLY_WHEN_POSTED: Final = _CHANGEABLE_WHEN_POSTED - {"dueDate"}
_DATED_BY: Final = {"paymentTermsId", "invoiceDate", "creditMemoDate"}


def create(environment: Environment, company: Company, kind: DocumentKind, body: Json) -> Record:
    """Creates a draft with its lines and dimensions, all or nothing."""
    nested_lines = body.pop(kind.lines, []) if isinstance(body, dict) else []
    nested_dimensions = body.pop("dimensionSetLines", []) if isinstance(body, dict) else []
    values = checked(SETS[kind.set_name], body)
    _check_header(environment, kind, values)
    trading, settling = parties.named(company, kind, values)
    if trading is None:
        raise dialog(parties.not_provided(kind))
    settling = settling or trading
    for party in (trading, settling):
        parties.check(kind, party, "create")
    values = related(environment, company, kind.set_name, values)
    own = parties.taken_over(company, kind, trading, settling)
    values = own | values | parties.identity(kind, trading, settling)
    values["postingDate"] = values.get("postingDate") or today()
    values[kind.date] = values.get(kind.date) or values["postingDate"]
    values.setdefault("dueDate", parties.due_date(company, kind, values))
    values |= applies_to.resolved(company, values)
    chosen = dimensions.defaults(company, settling)
    chosen = dimensions.with_shortcuts(company, chosen, values, kind.header_table)
    for item in nested_dimensions:
        chosen = dimensions.added(company, chosen, checked(SETS["dimensionSetLines"], item))[1]
    values |= dimensions.shortcut_values(company, chosen)
    values |= {"number": company.next_number(*kind.draft), "status": "Draft"}
    hidden = {
        "dimensions": chosen,
        "posted": False,
        "rate": environment.rate(values.get("currencyCode", "")),
        "taxed": _is_taxed(kind, trading),
    }
    header = environment.store.insert(company, kind.set_name, values, hidden)
    for item in nested_lines:
        insert_line(environment, company, header, item)
    recalculate(environment, company, header)
    return header


def change(environment: Environment, company: Company, header: Record, body: Json) -> None:
    """Changes a draft, or the few properties that stay open after posting."""
    kind = kind_of(header)
    values = checked(SETS[kind.set_name], body)
    if header.hidden["posted"]:
        differing = {name for name, value in values.items() if header.values[name] != value}
        if differing - (_CHANGEABLE_WHEN_POSTED if kind.set_name == "salesInvoices" else set()):
            raise dialog(kind.posted_text)
        environment.store.update(company, header, values)
        return
    _check_header(environment, kind, values)
    receiving.check_header(header, values)
    trading, settling = parties.named(company, kind, values)
    taxed = header.hidden["taxed"]
    if trading and trading.key != header.values[f"{kind.party.trading}Id"]:
        settling = settling or trading
        parties.check(kind, trading, "create")
        own = parties.taken_over(company, kind, trading, settling)
        values = own | values | parties.identity(kind, trading, settling)
        taxed = _is_taxed(kind, trading)
    values = related(environment, company, kind.set_name, values)
    merged = header.values | values
    if _DATED_BY & values.keys() and "dueDate" not in values:
        values["dueDate"] = parties.due_date(company, kind, merged)
    values |= applies_to.resolved(company, values)
    chosen = dimensions.with_shortcuts(company, dimensions.of_document(header), values, kind.header_table)
    hidden = {"dimensions": chosen, "rate": environment.rate(merged["currencyCode"]), "taxed": taxed}
    shown = {name: value for name, value in values.items() if name in header.values}
    environment.store.update(company, header, shown, hidden)
    recalculate(environment, company, header)


def delete(environment: Environment, company: Company, header: Record) -> None:
    """Deletes a draft with its lines; refused for a posted document and for an order that was received."""
    kind = kind_of(header)
    if header.hidden["posted"]:
        raise dialog(f"You cannot delete a posted {kind.party.side.lower()} {kind.noun}.")
    rows = lines_of(company, header)
    if kind.document_type == ORDER:
        receiving.check_deletion(header, rows)
    for line in rows:
        environment.store.delete(company, line)
    attachments.remove_all(environment, company, header)
    environment.store.delete(company, header)


def header_of(company: Company, line: Record) -> Record:
    """The header of a document line."""
    return company.tables[BY_LINES[line.set_name].set_name][line.values["documentId"]]


def set_dimensions(
    environment: Environment, company: Company, parent: Record, chosen: dict[str, str]
) -> None:
    """Writes the dimensions of a draft header, document line or journal line; raises 400 for any other parent.

    A changed document line marks its header as changed too.
    """
    if parent.set_name == "journalLines":
        environment.store.update(company, parent, {}, {"dimensions": chosen})
        return
    if parent.set_name not in KINDS and parent.set_name not in BY_LINES:
        raise dialog(
            f"Parent with ID {parent.key} does not exist or dimension set lines are read only for parent type {SETS[parent.set_name].table}."
        )
    header = parent if parent.set_name in KINDS else header_of(company, parent)
    if header.hidden["posted"]:
        raise dialog(kind_of(header).posted_text)
    shown = dimensions.shortcut_values(company, chosen) if parent is header else {}
    environment.store.update(company, parent, shown, {"dimensions": chosen})
    recalculate(environment, company, header)


def _is_taxed(kind: DocumentKind, trading: Record) -> bool:
    """Whether lines carry tax by their tax code: always in sales, in purchases where the vendor is liable."""
    return kind.party.side == "Sales" or bool(trading.values["taxLiable"])


def _check_header(environment: Environment, kind: DocumentKind, values: Values) -> None:
    for name in sorted(_ONLY_WHEN_POSTED & values.keys()):
        if values[name] not in ("", BLANK_DATE, BLANK_GUID):
            raise field_error("Posted", SETS[kind.set_name].table, name, wanted="Yes", current="No")
    if values.get("pricesIncludeTax"):
        raise dialog(
            'The "pricesIncludeTax" cannot be set to true if VAT Calculation Type is Sales Tax.',
        )
    receiving.check_maintained(environment, values)
