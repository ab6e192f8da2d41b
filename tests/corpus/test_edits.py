"""A slice of the commotion: whatever was edited, lost and repeated, both systems come to rest and agree."""

from collections import Counter
from typing import Final

from sandbox.azurite import Azurite
from sandbox.corpus.edits import Commotion, CountingWorld, Round

EDITS: Final = 30


async def test_edits_in_both_systems_come_to_rest(azurite: Azurite) -> None:
    async with CountingWorld(azurite) as world:
        people = Commotion(world, seed=3)
        await people.open()
        problems, rounds = await people.all_rounds(EDITS, lambda _: None)
        assert problems == []
        assert rounds["edits"].edits == EDITS
        assert rounds["edits"].lost > 0
        assert rounds["edits"].writes > 0
        assert (rounds["quiet"].writes, rounds["quiet again"].writes) == (0, 0)


def test_what_is_too_much_is_told() -> None:
    spent = Round(Counter({"company": 1}), sweeps=1, calls=10, writes=3)
    assert spent.excess == ["3 writes, 2 at most", "10 calls, 9 at most"]
