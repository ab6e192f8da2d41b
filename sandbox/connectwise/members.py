"""Members: the people of the tenant, to whom expenses and projects belong."""

from typing import Final

from sandbox.connectwise.crud import Collection, replace
from sandbox.connectwise.screens import Screen
from sandbox.connectwise.service import ADMIN_MEMBER, Service
from sandbox.connectwise.store import Record

ENTITY: Final = "Member"
# What a new member gets on the screens unless it is typed in.
DEFAULTS: Final[Record] = {
    "licenseClass": "F",
    "hireDate": "2020-01-01T00:00:00Z",
    "defaultEmail": "Office",
    "defaultPhone": "Office",
    "securityRole": {"id": 1, "name": "Admin"},
    "defaultLocation": {"id": 1},
    "defaultDepartment": {"id": 1},
}


class Members:
    """The members; references to them show their full name."""

    def __init__(self, service: Service) -> None:
        self.collection = Collection(
            service, "system/members", ENTITY, "GET POST PUT PATCH", complete=_name, update=_update
        )

    def screen(self) -> Screen:
        """The screen; identifier, firstName and lastName are enough."""
        return Screen(self.collection, self.enter)

    def enter(self, values: Record) -> Record:
        """Creates a member with what a person types, the rest by default."""
        return self.collection.create({**DEFAULTS, **values}, ADMIN_MEMBER)


def _name(values: Record) -> None:
    values["name"] = f"{values['firstName']} {values['lastName']}"


def _update(member: Record, changed: Record, _by: str) -> None:
    _name(changed)
    replace(member, changed)
