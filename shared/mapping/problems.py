"""What is wrong with a mapping document, told with its place and, where possible, the word that was meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a mapping document: ``place`` such as ``fields[3] displayName`` and what is wrong there."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class MappingError(Exception):
    """A mapping document cannot be used; ``problems`` lists every mistake found, in document order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """``", did you mean 'upper'?"`` when a choice is close to the word, else an empty text."""
    spelled = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), spelled, n=1, cutoff=0.75)
    return f", did you mean '{spelled[close[0]]}'?" if close else ""
