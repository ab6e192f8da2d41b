"""A short fuzz of both hooks: never a failure, nothing unsigned taken, no call to a foreign host."""

from typing import Final

from sandbox.fuzz.bodies import Addresses, Maker
from sandbox.fuzz.hooks import IDLE, Figures, fuzz
from sandbox.stage import Stage

BODIES: Final = 500


async def test_the_hooks_stand_hostile_deliveries() -> None:
    async with Stage(settings=IDLE) as stage:
        figures = await fuzz(stage, BODIES, 3, lambda _: None)
    assert figures.problems == []
    assert figures.statuses.total() == BODIES
    assert figures.taken > 0, "what is genuine is taken"
    assert figures.key_calls < BODIES / 10


def test_what_must_not_be_is_told() -> None:
    figures = Figures(
        failed=["x was answered 500"], forged=["default|company|9"], foreign_calls=1, memory=[30, 10, 30, 20]
    )
    assert len(figures.problems) == 4


def test_every_kind_of_delivery_is_made() -> None:
    maker = Maker(1, Addresses("http://127.0.0.1:1", "http://127.0.0.1:2"), "state", "company")
    kinds = {maker.callback().kind for _ in range(300)} | {maker.notification().kind for _ in range(100)}
    assert kinds == {
        "genuine", "forged", "tortured", "foreign key", "noise", "cut", "too large", "other encoding", "handshake",
        "notification",
    }  # fmt: skip
