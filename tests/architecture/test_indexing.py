"""The app as the real runtime indexes it. Names, schedules, queues and routes are a contract with operators.

What is listed here may not change; more may come.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from shared.triggers.openapi import DOCUMENT
from shared.triggers.signed_in import ROUTES
from tests.domain.support import SETTINGS

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = """
import asyncio, json, pathlib, sys
from sandbox.host.errors import HostError
from sandbox.host.runtime import Runtime

try:
    found = asyncio.run(Runtime().index(pathlib.Path.cwd()))
except HostError as error:
    sys.exit(str(error))
print(json.dumps({item.name: [json.loads(text) for text in item.raw_bindings] for item in found}))
"""
type Functions = dict[str, list[dict[str, Any]]]


async def index(settings: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and text of indexing the app in a process of its own, with these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", SCRIPT),
        cwd=ROOT,
        env=kept | dict(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, (out or err).decode()


@pytest.fixture(scope="module")
async def functions() -> Functions:
    code, text = await index(SETTINGS)
    assert code == 0, text
    found: Functions = json.loads(text)
    return found


def triggers(functions: Functions, kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: binding
        for name, bindings in functions.items()
        for binding in bindings
        if binding["type"] == kind
    }


async def test_every_function_has_one_trigger(functions: Functions) -> None:
    every = [triggers(functions, kind) for kind in ("timerTrigger", "queueTrigger", "httpTrigger")]
    assert sum(map(len, every)) == len(functions)


async def test_timers(functions: Functions) -> None:
    found = triggers(functions, "timerTrigger")
    expected = {
        "keep_hooks": "0 7 */6 * * *",
        "catch_up": "0 */5 * * * *",
        "sweep_payments": "30 */5 * * * *",
        "tidy": "0 41 3 * * *",
    }
    assert expected.items() <= {name: binding["schedule"] for name, binding in found.items()}.items()
    assert not any(binding.get("runOnStartup") for binding in found.values())


async def test_queues(functions: Functions) -> None:
    found = triggers(functions, "queueTrigger")
    assert {name: binding["queueName"] for name, binding in found.items()} == {
        "sync_record": "dynaconnect-sync",
        "sweep": "dynaconnect-sweep",
        "sync_record_poison": "dynaconnect-sync-poison",
        "sweep_poison": "dynaconnect-sweep-poison",
    }
    assert {binding["connection"] for binding in found.values()} == {"AzureWebJobsStorage"}


async def test_routes(functions: Functions) -> None:
    expected = {
        "connectwise_hook": ("hooks/connectwise/{connection}", "POST", "anonymous"),
        "business_central_hook": ("hooks/business-central/{connection}", "GET POST", "anonymous"),
        "sync_on_demand": ("sync", "POST", "function"),
        "audit_log": ("audit", "GET", "function"),
        "signed_in": ("console/{*path}", "DELETE GET POST PUT", "anonymous"),
        "health_details": ("health/details", "GET", "function"),
        "work_list": ("work", "GET", "function"),
        "retry_work": ("work/retry", "POST", "function"),
        "release_work": ("work/release", "POST", "function"),
        "workflow_rules": ("workflow", "DELETE GET PUT", "function"),
        "mapping_document": ("mappings/{entity}", "DELETE GET PUT", "function"),
        "record_details": ("records/{entity}/{id}", "GET", "function"),
        "openapi": ("openapi.json", "GET", "anonymous"),
        "health": ("health", "GET", "anonymous"),
    }
    found = {
        name: (binding["route"], " ".join(sorted(binding["methods"])).upper(), binding["authLevel"].lower())
        for name, binding in triggers(functions, "httpTrigger").items()
    }
    assert expected.items() <= found.items()
    open_to_all = {name for name, (_, _, level) in found.items() if level == "anonymous"}
    assert open_to_all == {"connectwise_hook", "business_central_hook", "openapi", "health", "signed_in"}


async def test_people_reach_by_role_what_machines_reach_by_key(functions: Functions) -> None:
    by_key = {
        (binding["route"], method.upper())
        for binding in triggers(functions, "httpTrigger").values()
        if binding["authLevel"].lower() == "function"
        for method in binding["methods"]
    }
    assert {(path, method) for path, roles, _ in ROUTES for method in roles} == by_key


METHODS: Final = ("get", "put", "post", "delete", "patch")


def operations() -> list[tuple[str, str, dict[str, Any], list[dict[str, Any]]]]:
    """Path, method, operation and all its parameters, of everything that the document describes."""
    return [
        (path, method, item[method], [*item.get("parameters", ()), *item[method].get("parameters", ())])
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS
        if method in item
    ]


UNDESCRIBED: Final = {"signed_in", "connectwise_hook", "business_central_hook", "openapi"}
"""Routes for the two systems and the description itself."""


async def test_the_openapi_document_describes_the_routes_that_the_runtime_serves(
    functions: Functions,
) -> None:
    served = {
        (f"/{binding['route']}", method.lower(), binding["authLevel"].lower() == "function")
        for name, binding in triggers(functions, "httpTrigger").items()
        for method in binding["methods"]
        if name not in UNDESCRIBED
    }
    described = {
        (path, method, operation.get("security", DOCUMENT["security"]) != [])
        for path, method, operation, _ in operations()
    }
    assert described == served


def test_the_openapi_document_is_well_formed() -> None:
    assert DOCUMENT["openapi"].startswith("3.0.")
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    names = [operation["operationId"] for _, _, operation, _ in operations()]
    assert len(set(names)) == len(names)
    for path, _, operation, parameters in operations():
        assert operation["responses"]
        assert all(re.fullmatch("[1-5][0-9]{2}", status) for status in operation["responses"])
        assert all(answer["description"] for answer in operation["responses"].values())
        given = {item["name"] for item in parameters if item["in"] == "path"}
        assert given == set(re.findall(r"\{(\w+)\}", path))
        assert all(item["required"] for item in parameters if item["in"] == "path")
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        target: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert all(name in schemes for requirement in DOCUMENT["security"] for name in requirement)


async def test_bad_settings_stop_the_start_with_one_message_that_names_each() -> None:
    bad = SETTINGS | {
        "CONNECTWISE_URL": "ftp://elsewhere",
        "BUSINESS_CENTRAL_AUTH": "kerberos",
        "DYNACONNECT_LEASE_SECONDS": "soon",
    }
    bad.pop("CONNECTWISE_PRIVATE_KEY")
    code, text = await index(bad)
    assert code == 1
    assert text.count("DynaConnect cannot start") == 1
    for name in (
        "CONNECTWISE_URL",
        "BUSINESS_CENTRAL_AUTH",
        "DYNACONNECT_LEASE_SECONDS",
        "CONNECTWISE_PRIVATE_KEY",
    ):
        assert name in text
    assert "Traceback" not in text
