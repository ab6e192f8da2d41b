"""Sales tax on invoices and credit memos, in the three ways that a connection can choose.

``as_lines``: the tax of ConnectWise travels as account lines. ``business_central``: it is left out, and Business
Central computes it. ``prices_include_tax``: it is left out, and each taxable line carries its share in its amount.
The mapping documents choose by ``options.taxMode``; here is only the arithmetic that they cannot do.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from shared.domain.errors import HoldForPerson
from shared.domain.money import cents
from shared.engine.connections.connection import TaxMode
from shared.engine.entity import Job, JsonObject

TAX: Final = "ST"
"""The general ledger account type of sales tax (ConnectWise API, glTypeId)."""
TAXABLE: Final = ("taxableFlag", "itemTaxableFlag")


def taxed_source(mode: TaxMode, source: JsonObject) -> JsonObject:
    """The source of a mapping with what the mode needs; ``source`` has the exported ``transaction``.

    Adds ``options.taxMode``; where the tax is computed, ``linesTotal`` (what is left for the lines); where prices
    include it, ``totalWithTax`` on each taxable detail. Both have the signs of the export. Raises HoldForPerson
    when there is a tax, but nothing that is taxable.
    """
    result = {**source, "options": {"taxMode": mode}}
    transaction: JsonObject = source["transaction"]
    details: list[JsonObject] = transaction.get("detail") or []
    tax = _tax_of(details)
    if mode == "business_central":
        result["linesTotal"] = cents(transaction["total"]) + tax
    elif mode == "prices_include_tax" and tax:
        taxable = [one for one in details if _is_taxable(one)]
        shares = spread(tax, [cents(one["total"]) for one in taxable])
        with_tax = {id(one): cents(one["total"]) + share for one, share in zip(taxable, shares, strict=True)}
        shared = [
            {**one, "totalWithTax": with_tax[id(one)]} if id(one) in with_tax else one for one in details
        ]
        result["transaction"] = {**transaction, "detail": shared}
    return result


def tax_facts(mode: TaxMode, source: JsonObject) -> JsonObject:
    """What the draft is compared with: mode and amount of the tax, positive on invoices and credit memos alike."""
    if mode == "as_lines":
        return {}
    return {"mode": mode, "amount": abs(_tax_of(source["transaction"].get("detail") or []))}


def spread(tax: Decimal, amounts: Sequence[Decimal]) -> list[Decimal]:
    """The tax in proportion to the amounts, in whole cents; the last amount that is not zero takes the rest.

    Raises HoldForPerson when the amounts add up to nothing.
    """
    base = sum(amounts, Decimal(0))
    if not base:
        raise HoldForPerson(
            "tax_without_base",
            f"ConnectWise bills a tax of {abs(tax)}, but the taxable lines add up to nothing: no price can include it.",
            todo="Mark the taxed lines as taxable in ConnectWise, or choose another tax mode; then retry.",
        )
    shares = [cents(tax * amount / base) for amount in amounts]
    last = max(position for position, amount in enumerate(amounts) if amount)
    shares[last] += tax - sum(shares, Decimal(0))
    return shares


def check_tax(job: Job, stored: JsonObject) -> None:
    """Raises HoldForPerson when a draft whose prices shall include tax does not, or has another tax inside.

    The total cannot tell: it is the sum of the prices, whatever part of it Business Central takes for tax.
    """
    known: dict[str, Any] = job.link.facts.get("tax") or {}
    if known.get("mode") != "prices_include_tax":
        return
    expected, actual = cents(known["amount"]), cents(stored.get("totalTaxAmount", 0))
    if not stored.get("pricesIncludeTax") and (expected or actual):
        customer = stored.get("billToCustomerNumber") or stored.get("customerNumber")
        raise HoldForPerson(
            "prices_exclude_tax",
            f"The prices of customer {customer} do not include tax in Business Central, but those of this document do.",
            todo="Switch on Prices Including VAT (or Tax) on the customer, or choose another tax mode; then retry.",
        )
    if abs(expected - actual) > job.connection.options.penny_cap:
        raise HoldForPerson(
            "tax_differs",
            f"ConnectWise bills a tax of {expected}, Business Central finds {actual} in the same total.",
            todo="Compare the rates of both systems and which lines are taxable; then retry.",
        )


def _tax_of(details: Sequence[JsonObject]) -> Decimal:
    return sum((cents(one["total"]) for one in details if one.get("glTypeId") == TAX), Decimal(0))


def _is_taxable(detail: JsonObject) -> bool:
    flags = [detail[name] for name in TAXABLE if detail.get(name) is not None]
    return detail.get("glTypeId") != TAX and bool(flags) and bool(flags[0])
