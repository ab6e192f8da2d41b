"""Recognises numbers that look like ours, learned from the records that are linked."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_MADE_OF_ID: Final = re.compile(r"([^0-9]*)([0-9]+)")


def shape(number: str) -> str:
    """What a number looks like: digits become ``#``, so that 103004 and 103017 have one shape."""
    return re.sub(r"[0-9]", "#", number.strip().upper())


@dataclass(frozen=True, slots=True)
class IdNumbers:
    """Target numbers made of the ConnectWise id, such as C000019 of 19: prefix and width of the digits."""

    patterns: frozenset[tuple[str, int]]

    @classmethod
    def learn(cls, linked: Iterable[tuple[str, str]]) -> "IdNumbers":
        """Learns from pairs of ConnectWise id and target number; numbers of other origin teach nothing."""
        return cls(frozenset(_patterns(linked)))

    def source_id(self, number: str) -> str:
        """The ConnectWise id that a target number was made of; empty when it does not look like ours."""
        found = _MADE_OF_ID.fullmatch(number)
        if found is None or (found[1], len(found[2])) not in self.patterns:
            return ""
        return str(int(found[2]))


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Numbers made of a text and the bare ConnectWise id, such as EXP-12 of 12."""

    texts: frozenset[str]

    @classmethod
    def learn(cls, linked: Iterable[tuple[str, str]]) -> "Prefixes":
        """Learns from pairs of ConnectWise id and number."""
        found = (number.removesuffix(one) for one, number in linked if number.endswith(one))
        return cls(frozenset(text for text in found if text and not text[-1].isdigit()))

    def source_id(self, number: str) -> str:
        """The ConnectWise id that a number was made of; empty when it does not look like ours."""
        rests = (number.removeprefix(text) for text in self.texts if number.startswith(text))
        return next((rest for rest in rests if rest.isascii() and rest.isdigit()), "")


def beginning(number: str) -> str:
    """What stands before the first digit."""
    return re.split(r"[0-9]", number, maxsplit=1)[0]


def _patterns(linked: Iterable[tuple[str, str]]) -> Iterator[tuple[str, int]]:
    for source_id, number in linked:
        found = _MADE_OF_ID.fullmatch(number)
        # A prefix or leading zeros show that a rule made it; a bare equal number may be a coincidence.
        if found and found[2] != number and found[2].lstrip("0") == source_id:
            yield found[1], len(found[2])
