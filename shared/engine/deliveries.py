"""Which deliveries were taken before: a repeated one tells nothing new, and is answered without work.

A delivery is remembered once its hint is durably queued. That hint is handled after everything that the delivery can
tell of, so its repetition may be left out, whether a sender repeats it or somebody who recorded it replays it.
"""

from dataclasses import dataclass, field
from typing import Final

MOST_REMEMBERED: Final = 10_000
"""Deliveries that a process remembers: about a megabyte. Older ones cost a look at the record, as any hint."""
LONGEST_ID: Final = 100


@dataclass(slots=True)
class TakenDeliveries:
    """The deliveries that this process took last, by connection and message id."""

    _taken: dict[tuple[str, str], None] = field(default_factory=dict)

    def is_known(self, connection: str, message_id: object) -> bool:
        """Whether the delivery was taken before; one without a usable id never was."""
        return isinstance(message_id, str) and (connection, message_id) in self._taken

    def remember(self, connection: str, message_id: object) -> None:
        """Notes that the delivery's hint is durably queued."""
        if not isinstance(message_id, str) or not 0 < len(message_id) <= LONGEST_ID:
            return
        if len(self._taken) >= MOST_REMEMBERED:
            self._taken.pop(next(iter(self._taken)))
        self._taken[connection, message_id] = None
