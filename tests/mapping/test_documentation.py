"""The description of the grammar is complete and its example works."""

import re
from pathlib import Path

from shared.mapping import business_central, check, compile_mapping, explain, load
from shared.mapping.document import (
    BESIDE_EXACT,
    TESTS,
    Balance,
    Exact,
    LineBlock,
    Lookup,
    MappingDocument,
    Rule,
)
from shared.mapping.results import Prefetched
from shared.mapping.transforms import TRANSFORMS

TEXT = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text("utf-8")


def test_the_example_works_and_explains_itself_as_written() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    document = load(example)
    assert check(document, business_central()) == []
    record = {"name": "Acme", "types": [{"name": "Client"}], "currency": {"name": "Euro"}}
    result = compile_mapping(document, business_central()).apply(record, Prefetched())
    assert f"`{explain(result, 'currencyCode')}`" in TEXT


def test_every_word_is_described() -> None:
    words = {*TRANSFORMS, *BESIDE_EXACT}
    for model in (MappingDocument, Rule, LineBlock, Lookup, Exact, Balance):
        words |= {field.alias or name for name, field in model.model_fields.items()}
    for word in words:
        assert f"`{word}`" in TEXT or f'"{word}"' in TEXT, word
    for word in TESTS:
        assert f'"{word}"' in TEXT, word
