"""Who asks: a person who signed in, with the roles that Entra ID gave."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self


class Role(IntEnum):
    """What a person may do. Each may do what the ones before may."""

    NONE = 0
    READER = 1
    OPERATOR = 2
    ADMINISTRATOR = 3

    @classmethod
    def of(cls, names: list[str]) -> Self:
        """The highest of the named app roles; names of other applications count for nothing."""
        known = {role.name.lower(): role for role in cls if role is not cls.NONE}
        return max((known[name.lower()] for name in names if name.lower() in known), default=cls.NONE)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in: the object id in Entra ID, which never changes, and the role."""

    object_id: str
    role: Role
