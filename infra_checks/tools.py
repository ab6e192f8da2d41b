"""Two checkers of others, pinned in ``requirements-infra.txt`` and in an environment of their own.

Both end with 0 in front of what they cannot read, so what they did not look at counts as a problem here: a file that
cannot be parsed, a check that crashed, fewer answers than there should be. Whatever they find is mended, or argued in the
tables below; what is argued and no longer found is a problem too. docs/decisions/0016 has the tables for people.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from infra_checks.packaging import IGNORED, package
from infra_checks.problems import Problem, Tree

REQUIREMENTS: Final = "requirements-infra.txt"
CHECKOV: Final = "checkov"
DOCTOR: Final = "doctor"
SAMPLE: Final = "local.settings.sample.json"
LEAST_PASSED: Final = 30
"""So many checks of checkov apply and hold. Fewer mean that it passes over a resource, as it does where one has a condition."""
LEAST_LOOKED: Final = 21
"""So many rules of the doctor apply and hold."""

CHECKOV_ARGUED: Final[Mapping[str, str]] = {
    "CKV_AZURE_13": "Asks for the older authsettings; sign-in is authsettingsV2, and hooks cannot sign in.",
    "CKV_AZURE_17": "Neither sender of hooks has a client certificate; each delivery is proved otherwise.",
    "CKV_AZURE_35": "Deny by one parameter, virtualNetworkEnabled; without a network the identity guards the data.",
    "CKV_AZURE_63": "A setting of App Service plans that Flex Consumption does not have; requests are traced.",
    "CKV_AZURE_65": "A setting of App Service plans; error pages of the platform would tell strangers of the inside.",
    "CKV_AZURE_66": "A setting of App Service plans; failed requests are traced by OpenTelemetry.",
    "CKV_AZURE_80": "There is no .NET in the app.",
    "CKV_AZURE_88": "Mounted file shares need a storage key, and the app has no files.",
    "CKV_AZURE_109": "Deny by one parameter, virtualNetworkEnabled; without a network the identity guards the vault.",
    "CKV_AZURE_206": "Looks for the literal; the parameter storageSku allows replicated kinds only.",
    "CKV_AZURE_212": "A number of workers of App Service plans; Flex Consumption scales by itself.",
    "CKV_AZURE_213": "Flex Consumption has no health check path; an alert watches instead.",
    "CKV_AZURE_222": "Both systems deliver hooks from the internet; nothing else is open without a key or a role.",
    "CKV_AZURE_225": "Zones need two warm instances at all times; what is missed meanwhile is found by the sweeps.",
}
"""What checkov finds and we do not follow, with the reason."""

DOCTOR_ARGUED: Final[Mapping[str, str]] = {
    "check_programming_model_v2": "Looks for the names app and bp; ours is blueprint, and the runtime indexes every function.",
    "check_app_insights": "Looks into local settings; in Azure the Bicep sets it, and a developer's machine tells nobody.",
}
"""What the doctor warns of and we do not follow, with the reason."""


def check(tree: Tree, environment: Path, *tools: str) -> Iterator[Problem]:
    """What the tools find; ``environment`` is the folder of their virtual environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _copy(tree, folder, [*package(tree), *_under(tree, "infra"), IGNORED])
        (folder / "local.settings.json").write_text(tree.text(SAMPLE), encoding="utf-8")
        for tool in tools or _TOOLS:
            yield from _TOOLS[tool](folder, environment)


def _under(tree: Tree, name: str) -> list[str]:
    return [*tree.files(name, ".bicep"), *tree.files(name, ".json")]


def _copy(tree: Tree, folder: Path, paths: list[str]) -> None:
    for path in paths:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in tree.changed:
            target.write_text(tree.changed[path], encoding="utf-8")
        else:
            shutil.copyfile(tree.root / path, target)


def _run(command: list[str], folder: Path) -> tuple[Any, str]:
    """The JSON that a tool prints and what it says beside it; the value is ``None`` where it printed no JSON."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout), done.stderr
    except ValueError:
        return None, done.stderr or done.stdout


def _checkov(folder: Path, environment: Path) -> Iterator[Problem]:
    command = [str(environment / "bin" / "checkov"), "--skip-download", "--framework", "bicep"]
    found, said = _run([*command, "--directory", "infra", "--compact", "--output", "json"], folder)
    results = found.get("results") if isinstance(found, dict) else None
    if results is None:
        yield Problem("infra/main.bicep", 1, CHECKOV, f"it ended without a result: {_last(said)}")
        return
    for path in results["parsing_errors"]:
        yield Problem(
            str(path).removeprefix(f"{folder}/"),
            1,
            CHECKOV,
            "the file cannot be parsed, so nothing looked at it",
        )
    for line in said.splitlines():
        if "[ERROR]" in line:
            yield Problem(
                "infra/main.bicep", 1, CHECKOV, f"a check crashed: {line.partition('[ERROR]')[2].strip()}"
            )
    if len(results["passed_checks"]) < LEAST_PASSED:
        text = f"only {len(results['passed_checks'])} checks hold where {LEAST_PASSED} did: it passes over something"
        yield Problem("infra/main.bicep", 1, CHECKOV, text)
    for one in results["failed_checks"]:
        if one["check_id"] not in CHECKOV_ARGUED:
            text = f"{one['check_id']} {one['check_name']}: {one['resource']}"
            yield Problem(f"infra{one['file_path']}", one["file_line_range"][0], CHECKOV, text)
    yield from _stale(CHECKOV, CHECKOV_ARGUED, {one["check_id"] for one in results["failed_checks"]})


def _doctor(folder: Path, environment: Path) -> Iterator[Problem]:
    command = [str(environment / "bin" / "azure-functions-doctor"), "doctor", "--path", "."]
    found, said = _run([*command, "--profile", "deploy", "--format", "json"], folder)
    if not isinstance(found, dict) or "results" not in found:
        yield Problem("function_app.py", 1, DOCTOR, f"it ended without a result: {_last(said)}")
        return
    looked = [one for section in found["results"] for one in section["items"]]
    if sum(one["status"] == "pass" for one in looked) < LEAST_LOOKED:
        yield Problem("function_app.py", 1, DOCTOR, f"fewer than {LEAST_LOOKED} rules hold")
    wrong = {one["rule_id"]: one for one in looked if one["status"] not in ("pass", "skip")}
    for rule, one in wrong.items():
        if rule not in DOCTOR_ARGUED or one["status"] != "warn":
            yield Problem("function_app.py", 1, DOCTOR, f"{rule}: {one['value']}")
    yield from _stale(DOCTOR, DOCTOR_ARGUED, wrong.keys())


def _stale(tool: str, argued: Mapping[str, str], found: "set[str] | Any") -> Iterator[Problem]:
    for name in sorted(argued.keys() - set(found)):
        yield Problem("infra_checks/tools.py", 1, tool, f"{name} is argued and no longer found")


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["nothing"])[-1][:300]


_TOOLS: Final = {CHECKOV: _checkov, DOCTOR: _doctor}
