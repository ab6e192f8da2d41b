"""Lines whose amounts are exact: Business Central multiplies and rounds again, so the price must survive that."""

from decimal import Decimal
from typing import Any

from shared.mapping.document import Balance, Exact, Rule
from shared.mapping.readers import compile_value, describe
from shared.mapping.results import Finding, References, Step, Trace
from shared.mapping.stages import Run
from shared.mapping.targets import TargetField
from shared.mapping.values import EXACT, LARGEST, Json, Unfit, as_number, cut, number_text, rounded, width


def line_amount(quantity: Decimal, price: Decimal, decimals: int) -> Decimal:
    """The amount of a line as the target computes it: quantity x price, rounded half away from zero."""
    return rounded(EXACT.multiply(quantity, price), decimals)


def exact_price(total: Decimal, quantity: Decimal, decimals: int, price_decimals: int) -> Decimal | None:
    """The price with which quantity x price, rounded, gives exactly the total; None when there is none."""
    if not quantity:
        return None
    price = rounded(EXACT.divide(total, quantity), price_decimals)
    short = rounded(price, decimals)
    price = short if short == price else price
    fits = price.copy_abs() < LARGEST and line_amount(quantity, price, decimals) == total
    return price if fits else None


def whole_amount(value: Json, decimals: int) -> Decimal:
    """An amount that is whole in the smallest unit (cents at 2). Raises ``Unfit`` rather than rounding."""
    amount = as_number(value)
    if rounded(amount, decimals) != amount:
        raise Unfit(
            "fraction_of_cent",
            f"the amount {number_text(amount)} has more than {decimals} decimals",
            "Correct it in the source, or round it in the mapping on purpose.",
        )
    return rounded(amount, decimals)


class ExactRule:
    """Writes the unit price of a line from its total, and where needed the quantity and description with it."""

    __slots__ = ("_exact", "_limit", "_read", "_reads", "place", "to")

    def __init__(self, rule: Rule, exact: Exact, place: str, description: TargetField) -> None:
        self.place, self.to, self._exact = place, rule.to, exact
        self._read, self._reads, self._limit = compile_value(exact.total), describe(rule), description.length

    def run(self, here: Json, root: Json, run: Run, payload: dict[str, Any], prefix: str) -> None:
        """Writes the price so that the line amounts to its total to the cent; else holds."""
        target, source, found = prefix + self.to, self._reads, None
        try:
            source, found, value, steps = self._read(here, root)
            if value is None:
                raise Unfit("required_empty", "the total is empty", "Fill it in the source.")
            total = whole_amount(value, self._exact.decimals)
            given = payload.get(self._exact.quantity)
            quantity = None if given is None else as_number(given)
        except Unfit as unfit:
            what = f"from {source}: {unfit.what}" if source else unfit.what
            run.holds.append(Finding(unfit.kind, target, what, unfit.todo))
            run.traces.append(Trace(target, self.place, source, found, (), None, "held"))
            return
        steps = (*steps, *self._write(total, quantity, run, payload, prefix))
        run.traces.append(Trace(target, self.place, source, found, steps, payload[self.to], "sent"))

    def _write(
        self, total: Decimal, quantity: Decimal | None, run: Run, payload: dict[str, Any], prefix: str
    ) -> tuple[Step, ...]:
        exact = self._exact
        kept = None if quantity is None else rounded(quantity, exact.quantity_decimals)
        price = None if kept is None else exact_price(total, kept, exact.decimals, exact.price_decimals)
        if price is not None:
            if kept != quantity:
                payload[exact.quantity] = kept
                self._trace(
                    run,
                    prefix,
                    exact.quantity,
                    quantity,
                    f"rounded to {exact.quantity_decimals} decimals",
                    kept,
                )
            payload[self.to] = price
            return (Step(f"divided by the {exact.quantity}", price),)
        one = Decimal(1)
        payload[exact.quantity], payload[self.to] = one, total
        why = f"no price gives {number_text(total)} exactly, so one piece"
        self._trace(run, prefix, exact.quantity, quantity, why, one)
        if quantity is not None:
            self._describe(quantity, run, payload, prefix)
        return (Step(why, total),)

    def _describe(self, quantity: Decimal, run: Run, payload: dict[str, Any], prefix: str) -> None:
        name, limit = self._exact.description, self._limit
        before = payload.get(name) or ""
        text = f"{number_text(quantity)} x {before}".rstrip()
        payload[name] = cut(text, limit) if limit else text
        self._trace(run, prefix, name, before, "with the real quantity", payload[name])
        if limit and width(text) > limit:
            what = (
                f"with the quantity the text has {width(text)} characters, {limit} are allowed, so it was cut"
            )
            run.warnings.append(Finding("cut", prefix + name, what, "Shorten it in the source."))

    def _trace(self, run: Run, prefix: str, name: str, before: Json, what: str, after: Json) -> None:
        run.traces.append(Trace(prefix + name, self.place, name, before, (Step(what, after),), after, "sent"))

    def references(self, here: Json, root: Json) -> References:
        """Nothing: a price needs no other record."""
        return References()


class CompiledBalance:
    """Compares the amounts of the lines with the total of the source document."""

    __slots__ = ("_balance", "_read")

    def __init__(self, balance: Balance) -> None:
        self._balance, self._read = balance, compile_value(balance.total)

    def run(self, root: Json, run: Run, payload: dict[str, Any]) -> None:
        """Holds the document when the lines do not add up; says nothing while lines are held or waiting anyway."""
        if run.holds or run.waits:
            return
        balance, target = self._balance, self._balance.to
        try:
            reading = self._read(root, root)
            if reading.value is None:
                raise Unfit(
                    "required_empty",
                    f"{reading.source} is empty, so the lines cannot be checked",
                    "Fill it in.",
                )
            total = whole_amount(reading.value, balance.decimals)
        except Unfit as unfit:
            run.holds.append(Finding(unfit.kind, target, unfit.what, unfit.todo))
            return
        lines = [line for line in payload.get(target, ()) if balance.price in line]
        added = sum(
            (
                line_amount(
                    as_number(line[balance.quantity]), as_number(line[balance.price]), balance.decimals
                )
                for line in lines
            ),
            Decimal(0),
        )
        if added != total:
            what = f"the lines add up to {added:.{balance.decimals}f}, the document says {total:.{balance.decimals}f}"
            todo = "Find the line that is missing or too much in the source; nothing is sent until both are equal."
            run.holds.append(Finding("unbalanced", target, what, todo))
