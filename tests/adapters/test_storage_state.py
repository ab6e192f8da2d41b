"""Small values of a connection."""

from typing import Any

import pytest

from shared.adapters.storage.clients import StorageClients
from shared.adapters.storage.state import TableStateStore


@pytest.fixture
def state(storage: StorageClients) -> TableStateStore:
    return TableStateStore(storage.state)


async def test_a_value_is_saved_replaced_and_removed(state: TableStateStore) -> None:
    assert await state.load("default", "watermark|invoice") == {}
    await state.save("default", "watermark|invoice", {"at": "2026-01-01", "sent": 3})
    await state.save("default", "watermark|invoice", {"at": "2026-01-02"})
    assert await state.load("default", "watermark|invoice") == {"at": "2026-01-02"}
    assert await state.load("other", "watermark|invoice") == {}
    await state.remove("default", "watermark|invoice")
    await state.remove("default", "watermark|invoice")
    assert await state.load("default", "watermark|invoice") == {}


async def test_values_are_found_by_the_start_of_their_name(state: TableStateStore) -> None:
    wanted: dict[str, dict[str, Any]] = {f"poison|{n}": {"n": n} for n in range(3)} | {
        "poison|é/#?": {"n": 9}
    }
    for name, value in {**wanted, "poison": {}, "poisonous": {}, "poison}": {}, "hooks": {}}.items():
        await state.save("default", name, value)
    await state.save("other", "poison|0", {"n": 7})
    assert {name: value async for name, value in state.named("default", "poison|")} == wanted


async def test_a_long_value_is_kept(state: TableStateStore) -> None:
    value = {"seen": list(range(40_000))}
    await state.save("default", "watermark|ledger", value)
    assert await state.load("default", "watermark|ledger") == value
    await state.save("default", "watermark|ledger", {"seen": [1]})
    assert await state.load("default", "watermark|ledger") == {"seen": [1]}
