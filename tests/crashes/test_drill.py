"""A short drill: a few of the points of ``python -m sandbox.crashes``, chosen by chance, and what it would tell."""

import random
from typing import ClassVar

from sandbox.azurite import Azurite
from sandbox.crashes import report
from sandbox.crashes.drill import Drill
from sandbox.crashes.sales import Invoices
from sandbox.crashes.state import compare
from sandbox.crashes.stories import STORIES
from shared.entities import load_entities

SAMPLE = 6
LEAST_POINTS = 40


class OneInvoice(Invoices):
    """An invoice that is posted, batched and told of."""

    acts: ClassVar[tuple[str, ...]] = ("create",)


async def test_the_process_dies_anywhere_and_an_invoice_is_posted_once(azurite: Azurite) -> None:
    result = await Drill(azurite, OneInvoice, random.Random(7), SAMPLE).run(lambda _text: None)
    assert result.problems == []
    assert (result.wrong, result.died + result.missed) == (0, SAMPLE)
    assert result.died >= SAMPLE - 1
    assert result.points >= LEAST_POINTS
    assert set(result.kinds) == {"await", "before", "after", "handled"}
    assert "sales_invoice" in report.table_of([result])


def test_every_entity_has_a_story() -> None:
    assert {story.entity for story in STORIES} == {entity.name for entity in load_entities().entities()}


def test_ends_that_differ_are_told_apart() -> None:
    expected = {"invoices": ["a", "b"], "batches": ["one"]}
    assert not compare(expected, {"invoices": ["a", "b"], "batches": ["one"]})
    assert compare(expected, {"invoices": ["a", "b"]}).lost == ["batches: without one"]
    assert compare(expected, expected | {"invoices": ["a", "b", "b"]}).duplicate == ["invoices: with b"]
    [other] = compare(expected, expected | {"invoices": ["a", "c"]}).other
    assert other.startswith("invoices: ")
    assert "became c" in other
    assert compare({}, {"links": ["new"]}).duplicate == ["links: with new"]
