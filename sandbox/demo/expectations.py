"""What the day must have shown."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and whether it holds; ``found`` says what was there instead."""

    text: str
    holds: bool
    found: str = ""
