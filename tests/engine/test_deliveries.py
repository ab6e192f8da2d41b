"""What a process remembers is bounded: deliveries that were taken, targets that were seen."""

from typing import Any, cast

import pytest

from shared.engine.connections.connection import MOST_TARGETS, Connection
from shared.engine.deliveries import LONGEST_ID, MOST_REMEMBERED, TakenDeliveries


def test_a_delivery_that_was_taken_is_known_on_its_connection_only() -> None:
    taken = TakenDeliveries()
    taken.remember("default", "m1")
    assert taken.is_known("default", "m1")
    assert not taken.is_known("default", "m2")
    assert not taken.is_known("other", "m1")


@pytest.mark.parametrize("message_id", [None, "", 7, ["m"], {"a": 1}, "x" * (LONGEST_ID + 1)])
def test_a_delivery_without_a_usable_id_is_never_known(message_id: object) -> None:
    taken = TakenDeliveries()
    taken.remember("default", message_id)
    assert not taken.is_known("default", message_id)


def test_the_oldest_deliveries_are_forgotten() -> None:
    taken = TakenDeliveries()
    for number in range(MOST_REMEMBERED + 10):
        taken.remember("default", f"m{number}")
    assert len(taken._taken) == MOST_REMEMBERED
    assert not taken.is_known("default", "m9")
    assert taken.is_known("default", "m10")


def test_the_oldest_targets_are_forgotten() -> None:
    nothing = cast("Any", None)
    connection = Connection("default", *[nothing] * 6)
    for number in range(MOST_TARGETS + 10):
        connection.remember_target("customer", str(number), {"id": str(number)})
        connection.remember_target("customer", "0", {"id": "0"})
    assert len(connection._targets) == MOST_TARGETS
    assert connection.known_target("customer", "0") == {"id": "0"}, "what is told again is not the oldest"
    assert connection.known_target("customer", "5") is None
