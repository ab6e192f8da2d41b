"""Compares the settings that the code reads with those that Azure gets, the sample for local work, and the table in the docs.

Read from the source of ``shared/settings.py``, not by importing it, so that a change shows without the app installed.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from infra_checks import nodes
from infra_checks.code import Code
from infra_checks.policy import value_at
from infra_checks.problems import Problem, Tree, numbered
from infra_checks.project import Project

CHECK: Final = "settings"
CODE: Final = "shared/settings.py"
SAMPLE: Final = "local.settings.sample.json"
DOCS: Final = "docs/deploy.md"
SECTION: Final = "## Settings"
STORAGE_PREFIX: Final = "AzureWebJobsStorage"
READERS: Final = frozenset({"text", "url", "choice", "number", "flag"})
IDENTITY: Final = {f"{STORAGE_PREFIX}__{name}" for name in ("accountName", "clientId", "credential")}
PLATFORM: Final = frozenset(
    {
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
        "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
        "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
        "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME",
    }
)
"""Settings that the Functions host and the runtime read, not the code."""

LOCAL_ONLY: Final = frozenset({"BUSINESS_CENTRAL_AUTHORITY"})
"""Settings that point the code at a stand-in; never set in Azure."""

AZURE_ONLY: Final = IDENTITY | PLATFORM | {"AZURE_CLIENT_ID"}
INSTRUMENTATIONS: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
DISABLED: Final = frozenset(
    {
        *("azure_sdk", "django", "fastapi", "flask", "httpx", "httpx2", "psycopg2", "requests", "urllib"),
        "urllib3",
    }
)
"""What could trace calls by itself, with the whole address and what was searched for in it; none may be on."""

SAMPLE_ONLY: Final = frozenset({"FUNCTIONS_WORKER_RUNTIME", STORAGE_PREFIX})
REFUSED_ON_FLEX: Final = frozenset(
    {
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_PROCESS_COUNT",
        "FUNCTIONS_WORKER_RUNTIME",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_RUN_FROM_PACKAGE",
        "WEBSITE_TIME_ZONE",
    }
)
EMULATOR_KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""The published key of the storage emulator, the same everywhere; it opens nothing in Azure."""

_TRACER: Final = re.compile(r"Instrumentor\b|opentelemetry\.instrumentation")
_ROW: Final = re.compile(r"^\| `(\w+)` \|")


@dataclass(frozen=True, slots=True)
class Read:
    """What the code reads: plain settings and secrets, with the line of each."""

    plain: dict[str, int]
    secrets: dict[str, int]


def read_by_code(tree: Tree) -> Read:
    """Finds the names in the source; raises SyntaxError when that is broken."""
    module = ast.parse(tree.text(CODE))
    plain: dict[str, int] = {}
    secrets: dict[str, int] = {}
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(setting)), *_]) if (
                name in READERS
            ):
                plain[setting] = node.lineno
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name.startswith(
                "SECRETS"
            ):
                values = value.values if isinstance(value, ast.Dict) else [value]
                for one in (constant for item in values for constant in ast.walk(item)):
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        secrets[one.value] = one.lineno
    return Read(plain, secrets)


def set_in_azure(project: Project) -> tuple[nodes.File | None, dict[str, nodes.Entry]]:
    """The app settings of the Bicep files."""
    for file in project.files.values():
        for resource in file.resources.values():
            name = resource.body.get("name")
            properties = value_at(resource.body, "properties")
            if (
                resource.type == "Microsoft.Web/sites/config"
                and isinstance(name, nodes.Text)
                and name.literal == "appsettings"
                and isinstance(properties, nodes.Object)
            ):
                return file, {str(entry.key.literal): entry for entry in properties.entries}
    return None, {}


def check(project: Project) -> Iterator[Problem]:
    """Every setting that is missing somewhere, too much somewhere, or where it must not be."""
    tree = project.tree
    read = read_by_code(tree)
    file, azure = set_in_azure(project)
    if file is None:
        yield Problem("infra/main.bicep", 1, CHECK, "the app has no settings")
        return
    for name, line in read.plain.items():
        if name not in azure and name not in LOCAL_ONLY:
            yield Problem(CODE, line, CHECK, f"the code reads {name}, which {file.path} does not set")
    code = Code.read(tree)
    switches = {f"AzureWebJobs_{name}_Disabled" for name in code.timers()}
    yield from _azure(file, azure, read, switches)
    yield from _sample(tree, read)
    yield from _docs(tree, read, set(azure))
    yield from _instrumentations(tree, file, azure)
    for path, source in code.files.items():
        for number in source.environment if path != CODE else ():
            yield Problem(path, number, CHECK, f"settings are read in {CODE} only")


def _instrumentations(tree: Tree, file: nodes.File, azure: dict[str, nodes.Entry]) -> Iterator[Problem]:
    """Nothing traces calls by itself: neither a setting lets it nor the code switches it on."""
    entry = azure.get(INSTRUMENTATIONS)
    literal = entry.value.literal if entry and isinstance(entry.value, nodes.Text) else None
    for name in sorted(DISABLED - set((literal or "").split(","))):
        line = entry.line if entry else 1
        yield Problem(file.path, line, CHECK, f"{INSTRUMENTATIONS} lets {name} trace whole addresses")
    for path in ("function_app.py", *tree.files("shared", ".py")):
        for number in _tracing(tree.text(path)):
            yield Problem(path, number, CHECK, "nothing may trace calls by itself: it would tell addresses")


@cache
def _tracing(text: str) -> tuple[int, ...]:
    """The lines that switch on what traces calls by itself."""
    return tuple(number for number, line in numbered(text) if _TRACER.search(line))


def _azure(
    file: nodes.File, azure: dict[str, nodes.Entry], read: Read, switches: set[str]
) -> Iterator[Problem]:
    """``switches`` are the settings that switch timers off; each must be there."""
    needed = IDENTITY | PLATFORM | switches
    known = read.plain.keys() | needed
    for name in sorted((needed | {"KEY_VAULT_URL"}) - azure.keys()):
        yield Problem(file.path, 1, CHECK, f"{name} is not set")
    for name, entry in azure.items():
        if name in REFUSED_ON_FLEX:
            yield Problem(file.path, entry.line, CHECK, f"{name} must not be set on Flex Consumption")
        elif name in read.secrets or name == STORAGE_PREFIX:
            yield Problem(file.path, entry.line, CHECK, f"{name} is a secret and belongs into the vault")
        elif name in LOCAL_ONLY:
            yield Problem(file.path, entry.line, CHECK, f"{name} is for local work only")
        elif name not in known:
            yield Problem(file.path, entry.line, CHECK, f"nothing reads {name}")
        if name.isupper() and isinstance(entry.value, nodes.Text) and entry.value.literal == "":
            yield Problem(file.path, entry.line, CHECK, f"{name} is always empty")


def _sample(tree: Tree, read: Read) -> Iterator[Problem]:
    document, problems = tree.json(SAMPLE, CHECK)
    yield from problems
    values = document.get("Values", {}) if isinstance(document, dict) else {}
    wanted = {*read.plain, *read.secrets, *SAMPLE_ONLY} - AZURE_ONLY
    for name in sorted(wanted - values.keys()):
        yield Problem(SAMPLE, 1, CHECK, f"{name} is missing")
    for name in sorted(values.keys() - wanted):
        yield Problem(
            SAMPLE, tree.line_of(SAMPLE, name), CHECK, f"nothing reads {name} on a developer's machine"
        )
    for name, value in values.items():
        line = tree.line_of(SAMPLE, f'"{name}"')
        if not isinstance(value, str):
            yield Problem(SAMPLE, line, CHECK, f"{name} must be a text")
        elif "AccountKey=" in value.replace(f"AccountKey={EMULATOR_KEY}", ""):
            yield Problem(SAMPLE, line, CHECK, f"{name} holds a storage key")
        elif name.endswith("_URL") and value and not value.startswith("http://127.0.0.1:"):
            yield Problem(SAMPLE, line, CHECK, f"{name} leaves this machine")
        elif name in read.secrets and value not in SANDBOX_CREDENTIALS:
            yield Problem(SAMPLE, line, CHECK, f"{name} is not what the sandbox uses")


SANDBOX_CREDENTIALS: Final = frozenset({"", "public", "private", "client-secret", "web-service-key"})
"""What the stand-ins accept; empty where the sample's way to sign in needs none."""


def _docs(tree: Tree, read: Read, azure: set[str]) -> Iterator[Problem]:
    rows: dict[str, int] = {}
    section = ""
    for number, line in numbered(tree.text(DOCS)):
        section = line if line.startswith("## ") else section
        if section == SECTION and (found := _ROW.match(line)):
            rows[found.group(1)] = number
    wanted = {*read.plain, *read.secrets} | azure
    for name in sorted(wanted - rows.keys()):
        yield Problem(DOCS, 1, CHECK, f"the table of settings lacks {name}")
    for name in sorted(rows.keys() - wanted):
        yield Problem(DOCS, rows[name], CHECK, f"{name} of the table is read and set nowhere")
    for name in sorted(read.secrets):
        vault_name = name.lower().replace("_", "-")
        if f"`{vault_name}`" not in tree.text(DOCS):
            yield Problem(DOCS, 1, CHECK, f"the docs do not say that {name} is {vault_name} in the vault")
