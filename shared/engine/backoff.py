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
        """The rest before try ``attempt`` + 1, jittered by a fifth: to either side, but never below ``after``."""
        seconds = self.base_seconds * 2.0 ** min(attempt, 20) * self.chance.uniform(0.8, 1.2)
        rest = timedelta(seconds=min(self.cap_seconds, seconds))
        return rest if after is None else max(rest, after * self.chance.uniform(1.0, 1.2))
