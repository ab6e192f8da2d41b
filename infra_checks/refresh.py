"""Makes ``facts.json`` anew: ``python -m infra_checks.refresh path/to/azmcp``.

Sources, both published by Microsoft under the MIT licence, of which only facts are kept:

* ``azmcp`` of the package ``@azure/mcp-linux-x64``, whose command ``bicepschema get`` answers without a network
  from the type definitions that the Bicep compiler uses;
* for the types that it lacks, the models of the Python packages ``azure-mgmt-monitor`` and ``azure-mgmt-privatedns``,
  which describe the same REST interface. They must be installed in the interpreter that runs this.

The types to describe are those that the Bicep files under ``infra`` name.
"""

import argparse
import importlib
import inspect
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, Final

from infra_checks.facts import BODY, PATH

type Json = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parents[1]
MODELS: Final = {
    "Microsoft.Insights/actionGroups@2023-01-01": ("azure.mgmt.monitor.models", "ActionGroupResource"),
    "Microsoft.Insights/metricAlerts@2018-03-01": ("azure.mgmt.monitor.models", "MetricAlertResource"),
    "Microsoft.Insights/scheduledQueryRules@2023-12-01": (
        "azure.mgmt.monitor.models",
        "ScheduledQueryRuleResource",
    ),
    "Microsoft.Network/privateDnsZones@2024-06-01": ("azure.mgmt.privatedns.models", "PrivateZone"),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01": (
        "azure.mgmt.privatedns.models",
        "VirtualNetworkLink",
    ),
}
PRIMITIVES: Final = {"str": "string", "int": "int", "bool": "bool", "float": "int", "object": "any"}
DEEPEST: Final = 6
"""Objects below this level are kept as ``any``; the files do not go that deep."""
_USED: Final = re.compile(r"^resource \w+ '([\w./]+)@[\w-]+'", re.MULTILINE)


def main() -> None:
    """Reads the command line and writes the file."""
    parser = argparse.ArgumentParser(prog="python -m infra_checks.refresh")
    parser.add_argument("azmcp", type=Path, help="the program azmcp")
    azmcp: Path = parser.parse_args().azmcp
    used = {name for path in (ROOT / "infra").rglob("*.bicep") for name in _USED.findall(path.read_text())}
    known = {name.partition("@")[0]: name for name in MODELS}
    types: Json = {}
    for name in sorted(used):
        full_name, found = (
            (known[name], from_models(*MODELS[known[name]])) if name in known else from_azmcp(azmcp, name)
        )
        types[full_name] = found | {"definitions": reachable(found["definitions"])}
    PATH.write_text(_dump(types), encoding="utf-8")
    print(f"{len(types)} types, {PATH.stat().st_size} bytes")


def from_azmcp(azmcp: Path, name: str) -> tuple[str, Json]:
    """One type at the newest version that azmcp knows; raises CalledProcessError for an unknown one."""
    environment = os.environ | {
        "AZURE_MCP_COLLECT_TELEMETRY": "false",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
    }
    command = [str(azmcp), "bicepschema", "get", "--resource-type", name]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)["results"]["BicepSchemaResult"]
    resource = next(row for row in rows if row["$type"] == "Resource")
    objects = {row["name"]: row for row in rows if row["$type"] in ("Object", "DiscriminatedObject")}
    definitions: Json = {}
    for key, row in {BODY: resource["bodyType"], **objects}.items():
        _define(definitions, key, row, set(objects))
    scopes = [scope.strip() for scope in str(resource["writableScopes"]).split(",")]
    return resource["name"], {"scopes": scopes, "definitions": definitions}


def _define(definitions: Json, key: str, row: Json, objects: set[str]) -> None:
    if row["$type"] == "Object":
        properties = {prop["name"]: _property(prop, objects) for prop in row["properties"]}
        more = row.get("additionalPropertiesType")
        definitions[key] = {"properties": properties} | ({"additional": more} if more else {})
        return
    base = {prop["name"]: _property(prop, objects) for prop in row["baseProperties"]}
    discriminator = row["discriminator"]
    variants = {}
    for element in row["elements"]:
        value = next(p["type"] for p in element["properties"] if p["name"] == discriminator)
        variants[value] = f"{key}:{value}"
        _define(definitions, variants[value], element, objects)
        definitions[variants[value]]["properties"] = base | definitions[variants[value]]["properties"]
    definitions[key] = {"discriminator": discriminator, "variants": variants}


def _property(row: Json, objects: set[str]) -> str | Json:
    text, flags = str(row["type"]), str(row.get("flags", ""))
    base = text.removesuffix("[]")
    parts = text.split(" | ")
    details: Json = {}
    if len(parts) > 1 and not any(part.removesuffix("[]") in objects for part in parts):
        details |= {"type": "string", "enum": [part for part in parts if part not in ("string", "null")]}
    elif base in objects or base in ("string", "int", "bool", "any", "object", "null"):
        details["type"] = text
    elif row["name"] in ("apiVersion", "type"):
        details["type"] = "string"
    else:
        details |= {"type": "string", "enum": [text]}
    details |= {"required": True} if "Required" in flags else {}
    details |= {"read_only": True} if "ReadOnly" in flags else {}
    for key, pattern in (("least", r"min(?:Length|Value): (\d+)"), ("most", r"max(?:Length|Value): (\d+)")):
        if limit := re.search(pattern, str(row.get("modifiers", ""))):
            details[key] = int(limit.group(1))
    return text if details == {"type": text} else details


def from_models(module: str, name: str) -> Json:
    """One type as a Python management package describes it, with its flattened properties nested again."""
    models = importlib.import_module(module)
    definitions: Json = {}
    _model(definitions, models, BODY, getattr(models, name))
    return {"scopes": ["ResourceGroup"], "definitions": definitions}


def _model(definitions: Json, models: Any, key: str, model: Any) -> None:
    if key in definitions:
        return
    definitions[key] = {"properties": {}}
    nested: Json = {}
    for attribute, place in model._attribute_map.items():  # noqa: SLF001 - the only description that models carry
        path = place["key"].replace("\\.", "\0").split(".")
        names = [part.replace("\0", ".") for part in path]
        if not names[-1]:
            continue
        target = definitions[key]["properties"] if len(names) == 1 else nested
        rules = model._validation.get(attribute, {})  # noqa: SLF001
        target[names[-1]] = _model_property(definitions, models, model, attribute, place["type"], rules)
    if nested:
        inner = f"{key}.properties"
        definitions[inner] = {"properties": nested}
        needed = any(not isinstance(prop, str) and prop.get("required") for prop in nested.values())
        definitions[key]["properties"]["properties"] = {"type": inner, "required": True} if needed else inner
    if key == BODY:
        definitions[BODY]["properties"]["name"] = {"type": "string", "required": True}


def _model_property(
    definitions: Json, models: Any, model: Any, attribute: str, kind: str, rules: Json
) -> str | Json:
    base = kind.strip("[]{}")
    plain = PRIMITIVES.get(base, base if hasattr(models, base) else "string")
    details: Json = {"type": f"{plain}[]" if kind.startswith("[") else plain}
    if kind.startswith("{"):
        details["type"] = f"map of {plain}"
        definitions[details["type"]] = {"properties": {}, "additional": plain}
    parameter = inspect.signature(model.__init__).parameters.get(attribute)
    named = (
        re.search(r"_models\.(\w+)", str(parameter.annotation)) if parameter and plain == "string" else None
    )
    if named:
        details["enum"] = [member.value for member in getattr(models, named.group(1))]
    if kinds := getattr(model, "_subtype_map", {}).get(attribute):
        details["enum"] = [value for value, name in kinds.items() if name == model.__name__]
    details |= {"required": True} if rules.get("required") else {}
    details |= {"read_only": True} if rules.get("readonly") else {}
    details |= {"most": rules["max_length"]} if "max_length" in rules else {}
    if hasattr(models, base):
        _object(definitions, models, base)
    return details["type"] if len(details) == 1 else details


def _object(definitions: Json, models: Any, name: str) -> None:
    model = getattr(models, name)
    kinds = getattr(model, "_subtype_map", {})
    attribute = next(iter(kinds), "")
    if not attribute or name in kinds[attribute].values():
        _model(definitions, models, name, model)
        return
    discriminator = model._attribute_map[attribute]["key"].replace("\\.", ".")  # noqa: SLF001
    definitions[name] = {"discriminator": discriminator, "variants": kinds[attribute]}
    for variant in kinds[attribute].values():
        _model(definitions, models, variant, getattr(models, variant))


def reachable(definitions: Json) -> Json:
    """The definitions that a file can come to, down to the deepest level."""
    kept: Json = {}
    level = {BODY}
    for _ in range(DEEPEST):
        following: set[str] = set()
        for key in sorted(level - kept.keys()):
            kept[key] = definitions[key]
            following |= set(definitions[key].get("variants", {}).values())
            following |= {definitions[key].get("additional", "")}
            for prop in definitions[key].get("properties", {}).values():
                kind = prop if isinstance(prop, str) else prop["type"]
                following.add(kind.removesuffix("[]"))
        level = following & definitions.keys()
    return kept


def _dump(types: Json) -> str:
    """One line for each definition, so that a change of a type shows as a change of a line."""
    blocks = []
    for name, found in types.items():
        lines = [f"{json.dumps(key)}: {json.dumps(one)}" for key, one in sorted(found["definitions"].items())]
        inside = ",\n   ".join(lines)
        blocks.append(
            f'{json.dumps(name)}: {{\n  "scopes": {json.dumps(found["scopes"])},\n  "definitions": {{\n   {inside}\n  }}\n }}'
        )
    return '{"types": {\n ' + ",\n ".join(blocks) + "\n}}\n"


if __name__ == "__main__":
    main()
