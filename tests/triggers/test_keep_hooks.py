"""The hooks are registered, renewed and healed; what belongs to others is left alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.connectwise.callback_rules import ENTITY
from sandbox.stage import Stage
from shared.entities import load_entities
from tests.triggers.support import Watch

SUBJECTS = load_entities().subjects()
CALLBACKS = sorted({subject.callback for subject in SUBJECTS if subject.callback})
SETS = sorted({subject.business_central for subject in SUBJECTS if subject.business_central})


def callbacks(stage: Stage) -> list[dict[str, Any]]:
    """Our callback entries in ConnectWise."""
    own = f"{stage.public_url}/api/hooks/connectwise/default?recordId="
    return [row for row in stage.connectwise.store.rows(ENTITY) if row["url"] == own]


def subscriptions(stage: Stage) -> list[Any]:
    """Our subscriptions in Business Central."""
    own = f"{stage.public_url}/api/hooks/business-central/default"
    return [one for one in stage.business_central.webhooks.live() if one.url == own]


@pytest.fixture
async def kept(stage: Stage, watch: Watch) -> Stage:
    await watch.run("keep_hooks")
    return stage


def all_are_there(stage: Stage) -> bool:
    kinds = sorted(row["type"] for row in callbacks(stage) if not row["inactiveFlag"])
    return kinds == CALLBACKS and sorted(one.set_name for one in subscriptions(stage)) == SETS


async def writes(stage: Stage, watch: Watch) -> list[str]:
    """What one run changes in either system's registrations."""
    for url in (stage.connectwise_url, stage.business_central_url):
        await stage.http.post(f"{url}/admin/report/clear")
    await watch.run("keep_hooks")
    calls: dict[str, int] = {}
    for url in (stage.connectwise_url, stage.business_central_url):
        calls |= (await stage.report(url))["calls"]
    return sorted(
        route.split()[0]
        for route, count in calls.items()
        for _ in range(count)
        if ("callbacks" in route or "subscriptions" in route) and not route.startswith("GET")
    )


async def test_hooks_are_registered(kept: Stage) -> None:
    assert all_are_there(kept)
    for row in callbacks(kept):
        assert (row["level"], row["objectId"], row["isSelfSuppressedFlag"]) == ("owner", 1, True)
    assert len({one.client_state for one in subscriptions(kept)}) == 1
    assert kept.connectwise.breaches == []


async def test_a_second_run_changes_nothing(kept: Stage, watch: Watch) -> None:
    assert await writes(kept, watch) == []
    assert all_are_there(kept)


async def test_disabled_callbacks_are_enabled(kept: Stage, watch: Watch) -> None:
    await kept.in_connectwise("callbacks/disable")
    assert await writes(kept, watch) == ["PATCH"] * len(CALLBACKS)
    assert all_are_there(kept)


async def test_deleted_hooks_are_made_again_and_a_sweep_follows(kept: Stage, watch: Watch) -> None:
    await watch.idle()
    await kept.in_connectwise("callbacks/drop")
    await kept.in_business_central("subscriptions/drop")
    company = await kept.in_connectwise("companies", {"identifier": "Unheard", "name": "Unheard Ltd"})
    assert await writes(kept, watch) == ["POST"] * (len(CALLBACKS) + len(SETS))
    assert all_are_there(kept)
    record = await watch.record(f"company/{company['id']}")
    assert record.json()["attempts"][0]["why"] == "catch up"


async def test_subscriptions_are_renewed_in_time(kept: Stage, watch: Watch) -> None:
    soon = datetime.now(UTC) + timedelta(hours=47)
    for one in subscriptions(kept):
        one.expires = soon
    before = {one.key for one in subscriptions(kept)}
    assert await writes(kept, watch) == ["PATCH"] * len(SETS)
    assert {one.key for one in subscriptions(kept)} == before
    assert all(one.expires > soon for one in subscriptions(kept))
    for one in subscriptions(kept):
        one.expires = datetime.now(UTC) + timedelta(hours=49)
    assert await writes(kept, watch) == []


async def test_strays_of_ours_are_removed_and_those_of_others_stay(kept: Stage, watch: Watch) -> None:
    entry = dict(callbacks(kept)[0])
    foreign_url = "https://elsewhere.example/hook?recordId="
    for values in ({"type": "ticket"}, {"type": "ticket", "url": foreign_url}):
        kept.connectwise.store.insert(ENTITY, {**entry, **values}, "admin")
    await watch.run("keep_hooks")
    assert all_are_there(kept)
    assert [row["url"] for row in kept.connectwise.store.rows(ENTITY) if row["type"] == "ticket"] == [
        foreign_url
    ]
