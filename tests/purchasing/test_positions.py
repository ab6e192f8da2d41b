"""Positions and lines as pure functions: what belongs together, which line is which."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.kit import dumps
from shared.domain.errors import HoldForPerson
from shared.engine.kinds.order_lines import WantedLine, paired, steps_between, wanted_lines
from shared.engine.kinds.positions import Position, kept, placed
from shared.engine.kinds.receiving import compare
from tests.conformance.purchasing import Purchasing
from tests.purchasing.support import ORDER, held

type Json = dict[str, Any]


def position(key: str, *lines: int, received: int = 0, line_id: str = "", sequence: int = 0) -> Position:
    return Position(key, key, Decimal(10), Decimal(received), Decimal(5), lines, "", sequence, line_id)


def stored(line_id: str, number: str = "A", quantity: int = 10, **values: Any) -> Json:
    line = {"id": line_id, "lineType": "Item", "lineObjectNumber": number, "description": number}
    return line | {"quantity": Decimal(quantity), "directUnitCost": Decimal(5), "sequence": 20_000} | values


def wanted(number: str = "A", quantity: int = 10, line_id: str = "") -> WantedLine:
    payload = {
        "lineType": "Item",
        "lineObjectNumber": number,
        "description": number,
        "quantity": Decimal(quantity),
    }
    return WantedLine(payload | {"directUnitCost": Decimal(5)}, position(number, line_id=line_id))


def test_a_position_keeps_its_place() -> None:
    first = placed([position("a", 1), position("b", 2)], {})
    assert [one.sequence for one in first] == [20_000, 30_000]
    again = placed([position("c", 9), position("b", 2, 3), position("a", 1)], kept(first))
    assert [one.sequence for one in again] == [40_000, 30_000, 20_000]


def test_a_position_with_another_key_follows_its_lines() -> None:
    known = {"old": {"sequence": 20_000, "id": "L1", "lines": [1, 2]}}
    [one] = placed([position("new", 2, 3)], known)
    assert (one.sequence, one.line_id) == (20_000, "L1")
    split = placed([position("new", 2), position("old", 1)], known)
    assert [(one.sequence, one.line_id) for one in split] == [(30_000, ""), (20_000, "L1")]


def test_lines_are_known_by_id_then_by_content_and_only_in_adoption_by_item() -> None:
    lines = [wanted("A", 10, "L2"), wanted("A", 3), wanted("B", 1)]
    rows = [stored("L1", "A", 3), stored("L2", "A", 7), stored("L3", "B", 9, directUnitCost=Decimal(4))]
    pairs, left = paired(lines, rows, (), adopting=False)
    assert [line and line["id"] for _, line in pairs] == ["L2", "L1", None]
    assert [line["id"] for line in left] == ["L3"]
    pairs, left = paired(lines, rows, (), adopting=True)
    assert ([line and line["id"] for _, line in pairs], left) == (["L2", "L1", "L3"], [])


def test_steps_remove_only_what_is_ours_and_send_amounts_together() -> None:
    pairs, left = paired(
        [wanted("A", 12, "L1")], [stored("L1"), stored("L8", "X"), stored("L9", "Y")], (), adopting=False
    )
    steps = steps_between(pairs, left, {"L1", "L9"})
    assert [(step.do, step.stored["id"]) for step in steps] == [("remove", "L9"), ("change", "L1")]
    assert steps[1].payload == {"quantity": 12, "directUnitCost": 5}
    assert "quantity 10 to 12" in steps[1].words


@pytest.mark.parametrize("received", [0, 4, 10, 11])
def test_only_the_difference_is_due(received: int) -> None:
    one = position("A", 1, received=received, line_id="L1")
    line = stored("L1", receivedQuantity=Decimal(4))
    due = compare([one], {"number": "PO-1"}, [line], {"A": Decimal(20)}, ())
    causes = [problem.cause for problem in due.problems]
    assert (due.quantities, causes) == {
        0: ({}, ["received_less"]),
        4: ({}, []),
        10: ({"L1": Decimal(6)}, []),
        11: ({}, ["over_receipt"]),
    }[received]


def test_what_is_marked_already_is_never_due() -> None:
    one = position("A", 1, received=6, line_id="L1")
    due = compare([one], {"number": "PO-1"}, [stored("L1")], {"A": Decimal(2)}, ())
    assert [(problem.cause, "receive 4" in problem.todo) for problem in due.problems] == [
        ("marked_before", True)
    ]


def test_a_line_on_which_something_was_received_does_not_vanish() -> None:
    due = compare([], {"number": "PO-1"}, [stored("L1", receivedQuantity=Decimal(4))], {}, ["L1"])
    assert [problem.cause for problem in due.problems] == ["received_less"]


def test_a_mapping_that_does_not_tell_its_lines_apart_is_refused() -> None:
    comment: Json = {"lineType": "Comment", "description": "CW PO 1"}
    line: Json = {"lineType": "Item", "sequence": 20_000}
    stray: Json = {"lineType": "Item"}
    assert wanted_lines([comment, line], [position("A", sequence=20_000)])[1].position is not None
    for rows in ([line], [comment], [comment, line, line], [comment, stray, line]):
        with pytest.raises(HoldForPerson, match="mapping"):
            wanted_lines(rows, [position("A", sequence=20_000)])


async def test_such_a_mapping_holds_the_order(work: Purchasing) -> None:
    desk = work.world.app.desk
    shown = await desk.mapping("default", ORDER)
    document = shown["document"]
    for block in document["lines"]:
        block["fields"] = [rule for rule in block["fields"] if rule["to"] != "sequence"]
    await desk.save_mapping("default", ORDER, dumps(document))
    record = await work.order()
    await work.sync(record)
    await held(work, ORDER, "mapping_lines")
    assert work.orders(record) == []
    await desk.drop_mapping("default", ORDER)
    await work.sync(record)
    work.check(record)
