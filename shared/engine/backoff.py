"""How long a failed record rests before the next automatic try."""

import random
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(slots=True)
class Backoff:
    """Doubling delays with jitter, up to a cap, for about three days; a server's Retry-After is the least.

    The vendors advise a base of a fraction of a second up to a cap of a minute for single calls; records
    rest longer, because each has a whole pass behind it.
    """

    base_seconds: float = 2.0
    cap_seconds: float = 900.0
    most_attempts: int = 300
    chance: random.Random = field(default_factory=random.Random)

    def delay(self, attempt: int, after: timedelta | None = None) -> timedelta:
        """The rest before try ``attempt`` + 1, jittered by a fifth to either side."""
        seconds = min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt, 20))
        if after is not None:
            seconds = max(seconds, after.total_seconds())
        return timedelta(seconds=seconds * self.chance.uniform(0.8, 1.2))
