"""The facts are made from what the two sources say, with names, flags and listed values only."""

import json
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from infra_checks import refresh
from infra_checks.facts import BODY, Property


def row(name: str, kind: str, flags: str = "", modifiers: str = "") -> dict[str, str]:
    return {"name": name, "type": kind, "description": "left out", "flags": flags, "modifiers": modifiers}


@pytest.fixture
def azmcp(tmp_path: Path) -> Path:
    """Answers like azmcp for one type."""
    body = {
        "$type": "Object",
        "properties": [
            row("name", "string", "Required, DeployTimeConstant", "minLength: 3, maxLength: 24"),
            row("kind", "BlobStorage | StorageV2 | string"),
            row("id", "string", "ReadOnly"),
            row("type", "Contoso/things", "ReadOnly"),
            row("sku", "Sku"),
            row("tags", "Tags"),
        ],
        "name": "Contoso/things",
    }
    rows = [
        {
            "$type": "Resource",
            "bodyType": body,
            "writableScopes": "ResourceGroup",
            "name": "Contoso/things@2026-01-01",
        },
        {"$type": "Object", "properties": [row("name", "Small | Large")], "name": "Sku"},
        {"$type": "Object", "properties": [], "additionalPropertiesType": "string", "name": "Tags"},
        {"$type": "Object", "properties": [], "name": "Elsewhere"},
    ]
    program = tmp_path / "azmcp"
    answer = json.dumps({"results": {"BicepSchemaResult": rows}})
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_a_type_from_the_program(azmcp: Path) -> None:
    name, found = refresh.from_azmcp(azmcp, "Contoso/things")
    kept = refresh.reachable(found["definitions"])
    assert name == "Contoso/things@2026-01-01"
    assert found["scopes"] == ["ResourceGroup"]
    assert set(kept) == {BODY, "Sku", "Tags"}
    properties = {key: Property.of(value) for key, value in kept[BODY]["properties"].items()}
    assert properties["name"] == Property("string", required=True, least=3, most=24)
    assert properties["kind"].enum == ("BlobStorage", "StorageV2")
    assert properties["id"].read_only
    assert properties["sku"] == Property("Sku")
    assert kept["Tags"]["additional"] == "string"


class Receiver:
    """A model as the management packages have them."""

    _attribute_map: ClassVar[dict[str, dict[str, str]]] = {"address": {"key": "address", "type": "str"}}
    _validation: ClassVar[dict[str, dict[str, Any]]] = {"address": {"required": True}}


class Group:
    """A model whose properties are flattened."""

    _attribute_map: ClassVar[dict[str, dict[str, str]]] = {
        "location": {"key": "location", "type": "str"},
        "short_name": {"key": "properties.shortName", "type": "str"},
        "receivers": {"key": "properties.receivers", "type": "[Receiver]"},
        "tags": {"key": "tags", "type": "{str}"},
    }
    _validation: ClassVar[dict[str, dict[str, Any]]] = {"short_name": {"max_length": 12}}


def test_a_type_from_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "contoso_models", SimpleNamespace(Group=Group, Receiver=Receiver))
    found = refresh.from_models("contoso_models", "Group")["definitions"]
    assert set(found[BODY]["properties"]) == {"location", "properties", "tags", "name"}
    inner = found[found[BODY]["properties"]["properties"]]["properties"]
    assert inner == {"shortName": {"type": "string", "most": 12}, "receivers": "Receiver[]"}
    assert found["Receiver"]["properties"]["address"] == {"type": "string", "required": True}
    assert found["map of string"]["additional"] == "string"
