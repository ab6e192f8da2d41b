"""The cost page shows what the command prints, and its inputs follow the repository."""

import re

from sandbox.costs.__main__ import PAGE, renewed
from sandbox.costs.inputs import ASSUMED, COUNTED, PRICE, REPOSITORY, Inputs, runs, schedules
from sandbox.costs.page import BUSY, IDLE


def test_the_page_is_what_the_command_prints() -> None:
    text = PAGE.read_text("utf-8")
    assert renewed(text) == text, "run python -m sandbox.costs --write"


def test_every_input_says_where_it_comes_from_and_is_used() -> None:
    inputs = Inputs.read().by_name
    assert {one.source for one in inputs.values()} == {PRICE, REPOSITORY, COUNTED, ASSUMED}
    assert all(one.where.startswith("`") for one in inputs.values() if one.source in (COUNTED, REPOSITORY))
    formulas = " ".join([formula for _, formula, _ in (*IDLE, *BUSY)] + ["endpoint zone"])
    assert set(inputs) <= set(re.findall(r"\w+", formulas)), set(inputs) - set(re.findall(r"\w+", formulas))


def test_every_timer_is_counted_with_its_messages() -> None:
    assert (
        set(schedules()) == set(runs()) == {"catch_up", "sweep_payments", "keep_hooks", "reconcile", "tidy"}
    )
    assert runs()["keep_hooks"] == round(2 * 2_628_000 / 21_600), "four times a day, with one message each"
