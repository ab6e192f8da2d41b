"""Reads a mapping document and tells every mistake with its place, in words for the person who wrote it."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.mapping import document as grammar
from shared.mapping.consistency import consistency
from shared.mapping.document import MappingDocument
from shared.mapping.problems import MappingError, Problem, did_you_mean
from shared.mapping.values import Json

LONGEST_DOCUMENT: Final = 1_000_000
"""Characters; a mapping of a few hundred rules and a thousand lookup rows is far below."""

DEEPEST_DOCUMENT: Final = 40
"""Levels of lists and objects inside each other."""

_WORDS: Final = sorted(
    {
        info.alias or name
        for model in vars(grammar).values()
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, info in model.model_fields.items()
    }
)

_PLAIN_WORDS: Final = {
    "string_type": "a text is needed",
    "bool_type": "true or false is needed",
    "int_type": "a whole number is needed",
    "tuple_type": "a list is needed",
    "dict_type": "a group of words in braces is needed",
    "model_type": "a group of words in braces is needed",
    "model_attributes_type": "a group of words in braces is needed",
    "too_short": "at least one is needed",
    "string_too_short": "the text is empty",
    "greater_than_equal": "at least {ge} is needed",
    "less_than_equal": "at most {le} is possible",
}
"""What the checker says, in the words of the person who writes the document."""


def load(path_or_text: Path | str) -> MappingDocument:
    """Reads a document from a file (``Path``) or from JSON text, exactly and completely.

    Raises ``MappingError`` with every problem found: unreadable JSON, words given twice, unknown words, wrong
    values, and rules that contradict each other. ``OSError`` when the file cannot be read.
    """
    loaded = load_as(MappingDocument, path_or_text)
    if problems := consistency(loaded):
        raise MappingError(problems)
    return loaded


def load_as[Document: BaseModel](model: type[Document], path_or_text: Path | str) -> Document:
    """Reads a document of any kind as :func:`load` does, without the checks that only mappings need."""
    text = path_or_text.read_text("utf-8") if isinstance(path_or_text, Path) else path_or_text
    if len(text) > LONGEST_DOCUMENT:
        raise MappingError([Problem("document", f"longer than {LONGEST_DOCUMENT} characters")])
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        words = [word for word, _ in pairs]
        repeated.extend(
            sorted({word for word in words if words.count(word) > 1}) if len(set(words)) < len(words) else ()
        )
        return dict(pairs)

    try:
        raw = json.loads(text, parse_float=Decimal, object_pairs_hook=collect)
    except RecursionError:
        raise MappingError([Problem("document", "nested too deeply")]) from None
    except ValueError as error:
        raise MappingError([Problem("document", f"not readable as JSON: {error}")]) from None
    if repeated:
        raise MappingError(Problem("document", f"'{word}' is given twice in one place") for word in repeated)
    if _depth(raw) > DEEPEST_DOCUMENT:
        raise MappingError([Problem("document", "nested too deeply")])
    return _validated(model, raw)


def _depth(raw: Json) -> int:
    depth, level = 0, [raw]
    while level and depth <= DEEPEST_DOCUMENT:
        depth += 1
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return depth


def _validated[Document: BaseModel](model: type[Document], raw: Json) -> Document:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        mistakes = [details for details in error.errors(include_url=False) if not _follows(details)]
        raise MappingError(_problem(details, raw) for details in mistakes) from None


def _follows(details: ErrorDetails) -> bool:
    """Whether a list only counts as too short because its elements have mistakes of their own."""
    return details["type"] == "too_short" and bool(details["input"])


def _problem(details: ErrorDetails, raw: Json) -> Problem:
    location, word = list(details["loc"]), ""
    if details["type"] in ("missing", "extra_forbidden"):
        word = str(location.pop())
    return Problem(_place(location, raw), _message(details, word))


def _message(details: ErrorDetails, word: str) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "missing":
            return f"'{word}' is missing"
        case "extra_forbidden":
            return f"unknown word '{word}'{did_you_mean(word, _WORDS)}"
        case "literal_error":
            given, expected = str(details["input"]), str(context["expected"])
            choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
            return f"'{given}' is not one of {', '.join(choices)}{did_you_mean(given, choices)}"
        case "string_pattern_mismatch":
            return f"'{details['input']}' is not a name in small letters"
    return _PLAIN_WORDS.get(details["type"], details["msg"]).format(**context)


def _place(location: list[int | str], raw: Json) -> str:
    """``fields[3] displayName`` for the rule a problem is in, with the way further in after a comma."""
    place, here = "", raw
    for part in location:
        if isinstance(part, int):
            here = here[part] if isinstance(here, list) and part < len(here) else None
            name = here.get("to") if isinstance(here, dict) else None
            place += f"[{part}]" + (f" {name}" if isinstance(name, str) else "")
        elif isinstance(here, dict) and part in here:
            here = here[part]
            place += (", " if " " in place.rsplit(", ", 1)[-1] else "." if place else "") + part
    return place or "document"
