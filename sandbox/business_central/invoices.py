"""Sales invoice headers: creating with deep insert, changing and deleting drafts."""

from typing import Final

from sandbox.business_central import dimensions, formulas
from sandbox.business_central.environment import Environment, today
from sandbox.business_central.errors import ApiError, dialog, field_error
from sandbox.business_central.fields import BLANK_DATE, BLANK_GUID, SETS
from sandbox.business_central.lines import POSTED_TEXT, insert_line, lines_of, recalculate
from sandbox.business_central.relations import related
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.validate import checked
from sandbox.kit import Json

_CHANGEABLE_WHEN_POSTED: Final = {"dueDate", "promisedPayDate", "disputeStatus", "disputeStatusId"}
_ONLY_WHEN_POSTED: Final = _CHANGEABLE_WHEN_POSTED - {"dueDate"}
_ADDRESS: Final = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}


def create(environment: Environment, company: Company, body: Json) -> Record:
    """Creates a draft with its lines and dimensions, all or nothing."""
    nested_lines = body.pop("salesInvoiceLines", []) if isinstance(body, dict) else []
    nested_dimensions = body.pop("dimensionSetLines", []) if isinstance(body, dict) else []
    values = checked(SETS["salesInvoices"], body)
    _check_posted_fields(values)
    sell_to = _customer(company, values, "customer", "sell-to")
    if sell_to is None:
        raise dialog('A "customerNumber" or a "customerId" must be provided.')
    bill_to = _customer(company, values, "billToCustomer", "bill-to") or sell_to
    for customer in (sell_to, bill_to):
        check_customer(customer, "create")
    values = related(environment, company, "salesInvoices", values)
    values = _from_customers(sell_to, bill_to) | values | _identity(sell_to, bill_to)
    values["postingDate"] = values.get("postingDate") or today()
    values["invoiceDate"] = values.get("invoiceDate") or values["postingDate"]
    values.setdefault("dueDate", _due_date(company, values))
    chosen = dimensions.defaults(company, bill_to)
    chosen = dimensions.with_shortcuts(company, chosen, values)
    for item in nested_dimensions:
        chosen = dimensions.added(company, chosen, checked(SETS["dimensionSetLines"], item))[1]
    values |= dimensions.shortcut_values(company, chosen)
    values |= {"number": company.next_number("S-INV", "SI-D", 1001), "status": "Draft"}
    hidden = {
        "dimensions": chosen,
        "posted": False,
        "rate": environment.rate(values.get("currencyCode", "")),
    }
    header = environment.store.insert(company, "salesInvoices", values, hidden)
    for item in nested_lines:
        insert_line(environment, company, header, item)
    recalculate(environment, company, header)
    return header


def change(environment: Environment, company: Company, header: Record, body: Json) -> None:
    """Changes a draft, or the few properties that stay open after posting."""
    values = checked(SETS["salesInvoices"], body)
    if header.hidden["posted"]:
        differing = {name for name, value in values.items() if header.values[name] != value}
        if differing - _CHANGEABLE_WHEN_POSTED:
            raise dialog(POSTED_TEXT)
        environment.store.update(company, header, values)
        return
    _check_posted_fields(values)
    sell_to = _customer(company, values, "customer", "sell-to")
    if sell_to and sell_to.key != header.values["customerId"]:
        bill_to = _customer(company, values, "billToCustomer", "bill-to") or sell_to
        check_customer(sell_to, "create")
        values = _from_customers(sell_to, bill_to) | values | _identity(sell_to, bill_to)
    values = related(environment, company, "salesInvoices", values)
    merged = header.values | values
    if {"invoiceDate", "paymentTermsId"} & values.keys() and "dueDate" not in values:
        values["dueDate"] = _due_date(company, merged)
    chosen = dimensions.with_shortcuts(company, dimensions.of_document(header), values)
    hidden = {"dimensions": chosen, "rate": environment.rate(merged["currencyCode"])}
    environment.store.update(company, header, values, hidden)
    recalculate(environment, company, header)


def delete(environment: Environment, company: Company, header: Record) -> None:
    """Deletes a draft with its lines; refused for a posted invoice."""
    if header.hidden["posted"]:
        raise dialog("You cannot delete a posted sales invoice.")
    for line in lines_of(company, header):
        environment.store.delete(company, line)
    environment.store.delete(company, header)


def set_dimensions(
    environment: Environment, company: Company, parent: Record, chosen: dict[str, str]
) -> None:
    """Writes the dimensions of a draft header or line; a changed line marks its header as changed too."""
    header = parent
    if parent.set_name == "salesInvoiceLines":
        header = company.tables["salesInvoices"][parent.values["documentId"]]
    if header.hidden["posted"]:
        raise dialog(POSTED_TEXT)
    shown = dimensions.shortcut_values(company, chosen) if parent is header else {}
    environment.store.update(company, parent, shown, {"dimensions": chosen})
    recalculate(environment, company, header)


def check_customer(customer: Record, verb: str, *, ships: bool = False) -> None:
    """Raises 400 when the customer is blocked for invoices or lacks its posting group.

    Blocked ``Ship`` matters only where posting the invoice also ships (``ships``).
    """
    number, blocked = customer.values["number"], customer.values["blocked"]
    if blocked in ("All", "Invoice") or (blocked == "Ship" and ships):
        raise dialog(
            f"You cannot {verb} this type of document when Customer {number} is blocked with type {blocked}"
        )
    if not customer.hidden.get("postingGroups", True):
        raise field_error("Customer Posting Group", "Customer", f"No.={number}")


def terms_of(company: Company, values: Values) -> Record | None:
    """The payment terms of a header."""
    return company.get("paymentTerms", values.get("paymentTermsId", BLANK_GUID))


def discount_date(company: Company, values: Values) -> str:
    """The last day of the payment discount of a header, or the blank date."""
    terms = terms_of(company, values)
    if terms is None or not terms.values["discountPercent"]:
        return BLANK_DATE
    return formulas.after(values["invoiceDate"], terms.values["discountDateCalculation"])


def _due_date(company: Company, values: Values) -> str:
    terms = terms_of(company, values)
    return formulas.after(values["invoiceDate"], terms.values["dueDateCalculation"] if terms else "")


def _customer(company: Company, values: Values, prefix: str, title: str) -> Record | None:
    key, number = values.get(f"{prefix}Id", BLANK_GUID), values.get(f"{prefix}Number", "")
    if key == BLANK_GUID and not number:
        return None
    by_id = company.get("customers", key) if key != BLANK_GUID else None
    by_number = company.find("customers", "number", number) if number else None
    if by_id and by_number and by_id is not by_number:
        raise dialog(f"The {title} customer values do not match to a specific Customer.")
    if (key != BLANK_GUID and by_id is None) or (number and by_number is None):
        raise _unknown_customer(title)
    return by_id or by_number


def _unknown_customer(title: str) -> ApiError:
    return dialog(f"The {title} customer cannot be found.")


def _identity(sell_to: Record, bill_to: Record) -> Values:
    return {
        "customerId": sell_to.key,
        "customerNumber": sell_to.values["number"],
        "customerName": sell_to.values["displayName"],
        "billToCustomerId": bill_to.key,
        "billToCustomerNumber": bill_to.values["number"],
        "billToName": bill_to.values["displayName"],
    }


def _from_customers(sell_to: Record, bill_to: Record) -> Values:
    values: Values = {
        "shipToName": sell_to.values["displayName"],
        "phoneNumber": sell_to.values["phoneNumber"],
        "email": sell_to.values["email"],
        "salesperson": bill_to.values["salespersonCode"],
    }
    for name in ("currencyId", "currencyCode", "paymentTermsId", "shipmentMethodId"):
        values[name] = bill_to.values[name]
    for suffix, name in _ADDRESS.items():
        values[f"sellTo{suffix}"] = values[f"shipTo{suffix}"] = sell_to.values[name]
        values[f"billTo{suffix}"] = bill_to.values[name]
    return values


def _check_posted_fields(values: Values) -> None:
    for name in sorted(_ONLY_WHEN_POSTED & values.keys()):
        if values[name] not in ("", BLANK_DATE, BLANK_GUID):
            raise field_error("Posted", "Sales Invoice Entity Aggregate", name, wanted="Yes", current="No")
