"""The arithmetic of document lines: line amounts, invoice discount, tax and totals, rounded half up."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal

from sandbox.business_central.environment import rounded
from sandbox.business_central.store import Values

_HUNDRED: Final = Decimal(100)
_PLACES: Final = Decimal("0.00001")


def priced(current: Values, changes: Values, precision: Decimal, price: str) -> Values:
    """Quantity, price and discount after each sent value was validated in turn, to five decimals; an equal one is skipped.

    ``price`` is the property that holds the price or cost of one unit.
    """
    names = ("quantity", price, "discountPercent", "discountAmount")
    result = {name: current.get(name, Decimal(0)) for name in names}
    for name in (name for name in changes if name in names):
        if changes[name] == result[name]:
            continue
        limited = rounded(changes[name], _PLACES)
        result[name] = changes[name] if changes[name] == limited else limited
        gross = rounded(result["quantity"] * result[price], precision)
        if name == "discountAmount":
            share = result[name] * _HUNDRED / gross if gross else Decimal(0)
            result["discountPercent"] = rounded(share, _PLACES)
        else:
            result["discountAmount"] = rounded(gross * result["discountPercent"] / _HUNDRED, precision)
    return result


def calculated(
    lines: Sequence[Values],
    price: str,
    invoice_discount: Decimal,
    rates: Mapping[str, Decimal],
    precision: Decimal,
    rounding: Literal["line", "document"] = "line",
    *,
    includes_tax: bool = False,
) -> list[Values]:
    """The computed properties of each line: quantity x price rounded per line, discounts, tax by tax code.

    Where a price ``includes_tax``, the tax is a part of the amount instead of coming on top of it.
    """
    gross = [rounded(line["quantity"] * line[price], precision) - line["discountAmount"] for line in lines]
    allocated = _spread(invoice_discount, gross, precision)
    percents = [rates.get(line["taxCode"], Decimal(0)) for line in lines]
    net = [amount - share for amount, share in zip(gross, allocated, strict=True)]
    codes = [str(line["taxCode"]) for line in lines]
    whole = [_HUNDRED + percent if includes_tax else _HUNDRED for percent in percents]
    parts = list(zip(percents, whole, strict=True))
    tax = _tax(gross, parts, codes, precision, rounding)
    net_tax = _tax(net, parts, codes, precision, rounding)
    inside = [(one, other) if includes_tax else (0, 0) for one, other in zip(tax, net_tax, strict=True)]
    gross = [amount - part for amount, (part, _) in zip(gross, inside, strict=True)]
    net = [amount - part for amount, (_, part) in zip(net, inside, strict=True)]
    return [
        {
            "amountExcludingTax": gross[index],
            "taxPercent": percents[index],
            "totalTaxAmount": tax[index],
            "amountIncludingTax": gross[index] + tax[index],
            "invoiceDiscountAllocation": allocated[index],
            "netAmount": net[index],
            "netTaxAmount": net_tax[index],
            "netAmountIncludingTax": net[index] + net_tax[index],
        }
        for index in range(len(lines))
    ]


def totals(lines: Sequence[Values]) -> Values:
    """The totals of a header with these calculated lines."""
    net = sum((line["netAmount"] for line in lines), Decimal(0))
    tax = sum((line["netTaxAmount"] for line in lines), Decimal(0))
    return {"totalAmountExcludingTax": net, "totalTaxAmount": tax, "totalAmountIncludingTax": net + tax}


def _spread(discount: Decimal, amounts: Sequence[Decimal], precision: Decimal) -> list[Decimal]:
    """Allocates an invoice discount in proportion; what rounding leaves over goes to the last line with an amount."""
    total = sum(amounts, Decimal(0))
    if not discount or not total:
        return [Decimal(0)] * len(amounts)
    shares = [rounded(discount * amount / total, precision) for amount in amounts]
    last = max(index for index, amount in enumerate(amounts) if amount)
    shares[last] += discount - sum(shares, Decimal(0))
    return shares


def _tax(
    amounts: Sequence[Decimal],
    parts: Sequence[tuple[Decimal, Decimal]],
    codes: Sequence[str],
    precision: Decimal,
    rounding: Literal["line", "document"],
) -> list[Decimal]:
    exact = [amount * part / whole for amount, (part, whole) in zip(amounts, parts, strict=True)]
    if rounding == "line":
        return [rounded(value, precision) for value in exact]
    result: list[Decimal] = []
    given: dict[str, Decimal] = {}
    due: dict[str, Decimal] = {}
    for code, value in zip(codes, exact, strict=True):
        due[code] = due.get(code, Decimal(0)) + value
        share = rounded(due[code], precision) - given.get(code, Decimal(0))
        given[code] = given.get(code, Decimal(0)) + share
        result.append(share)
    return result
