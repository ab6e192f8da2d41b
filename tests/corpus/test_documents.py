"""A slice of the corpus: every document ends equal to the cent or held for the right reason, once and completely."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from sandbox.azurite import Azurite
from sandbox.corpus import report
from sandbox.corpus.documents import CASES, DEFECTS, MODES, TYPES, Document, documents
from sandbox.corpus.office import Office, Result
from sandbox.corpus.oracle import expected
from tests.conformance.pairs import Pairs
from tests.conformance.world import World

DOCUMENTS: Final = 100
SEED: Final = 20_261_123
ITEMS: Final = (1, 2, 3)
KINDS: Final = {
    *("invoices", "credit memos", "purchase orders", "receipts", "vendor bills"),
    *("expenses by invoice", "expenses by journal", "expenses by card"),
}


async def test_every_document_ends_as_it_must(azurite: Azurite, pairs: Pairs) -> None:
    async with World(azurite, pairs) as world:
        office = Office(world, lambda _: None)
        await office.open()
        results = await office.process(DOCUMENTS, SEED)
        assert report.problems(results) == []
        assert office.records == DOCUMENTS
        assert len(results) >= DOCUMENTS
        assert {one.kind for one in results} == KINDS
        assert world.breaches == []
        assert 0 < sum(1 for one in results if one.cause) < DOCUMENTS / 3
        assert "0.00" in report.money(results)


def test_the_same_seed_gives_the_same_documents() -> None:
    assert documents(50, 1, ITEMS) == documents(50, 1, ITEMS)
    assert documents(50, 1, ITEMS) != documents(50, 2, ITEMS)


def test_the_whole_corpus_has_everything_in_it() -> None:
    made = documents(2000, 1, ITEMS)
    assert {one.mode for one in made} == set(MODES)
    assert {one.type for one in made} == set(TYPES)
    assert {one.case for one in made} == {*CASES, *DEFECTS}
    causes = {expected(one) for one in made}
    assert {"", "total_differs", "tax_differs", "prices_exclude_tax", "tax_without_base"} <= causes


MADE: Final = Document("as_lines", "Standard", "ordinary", "USD", "2026-01-31", (), inclusive=False)
POSTED: Final = Result(
    MADE, "1", "", "", explained=False, connectwise=Decimal("5.00"),
    posted=({"totalAmountIncludingTax": Decimal("5.00")},), postings=1, batches=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, ""),
        ({"connectwise": Decimal("5.01")}, "differs by 0.01"),
        ({"posted": (), "postings": 0}, "posted 0 times"),
        ({"postings": 2}, "posted 2 times"),
        ({"batches": 0}, "in 0 batches"),
        ({"expected": "total_differs"}, "expected total_differs, found posted"),
        ({"expected": "x", "cause": "x", "explained": True}, "held, but posted"),
    ],
)
def test_what_is_wrong_is_told(change: dict[str, object], problem: str) -> None:
    found = replace(POSTED, **change)  # type: ignore[arg-type]
    assert found.problem.startswith(problem)
    assert bool(found.problem) == bool(problem)
