"""Which connection of a site a record belongs to, decided once for all processes."""

from typing import Protocol


class Homes(Protocol):
    """One durable value per record of a site: the connection whose books it goes to."""

    async def home(self, site: str, subject: str, record_id: str) -> str:
        """The connection that the record belongs to, empty while none was chosen."""
        ...

    async def move(self, site: str, subject: str, record_id: str, *, of: str, to: str) -> str:
        """Changes the home if it is ``of`` (empty: none was chosen) and says which one is in force afterwards.

        Two processes that choose at the same moment hear of the same one.
        """
        ...

    async def keep_sent(self, site: str, subject: str, record_id: str, of: str) -> None:
        """Notes that a connection that is to be forgotten has sent the record: nobody may send it again."""
        ...

    async def is_sent(self, site: str, subject: str, record_id: str) -> bool:
        """Whether a connection that was forgotten has sent the record."""
        ...
