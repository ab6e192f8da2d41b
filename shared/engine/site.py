"""One ConnectWise site and the connections that lead from it to companies of Business Central."""

from dataclasses import dataclass

from shared.engine.connection import Connection


@dataclass(frozen=True, slots=True)
class Site:
    """The connections of one ConnectWise site in their order: ``default`` first, then by age.

    The order never changes while connections are added, so that the first one stays the first: it registers
    the callbacks, sweeps ConnectWise and decides where a record belongs.
    """

    name: str
    members: tuple[Connection, ...]

    @property
    def first(self) -> Connection:
        """The connection that hears of changes for all of them."""
        return self.members[0]

    def member(self, name: str) -> Connection | None:
        """The connection of that name if it belongs to the site."""
        return next((one for one in self.members if one.name == name), None)

    def routes(self, subject: str) -> bool:
        """Whether records of the subject must be judged: there is a choice, or a rule."""
        return len(self.members) > 1 or any(one.routing.names(subject) for one in self.members)
