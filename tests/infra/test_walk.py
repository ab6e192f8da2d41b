"""The commands of the deployment page name what there is: parameters, variables, outputs, files, functions, secrets."""

import re
from pathlib import Path
from typing import Final

from infra_checks.facts import Facts
from infra_checks.problems import Tree
from infra_checks.project import MAIN, Project
from shared.settings import SECRETS, SECRETS_OF_AUTH

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = [
    ROOT / "docs" / name for name in ("deploy.md", "sign-in.md", "erase.md", "backup.md", "runbook.md")
]
BLOCK: Final = re.compile(r"```sh\n(.*?)```", re.DOTALL)
AZD_ITSELF: Final = {"AZURE_LOCATION", "AZURE_ENV_NAME"}


def commands() -> str:
    """Every block of commands of the pages, one after the other."""
    return "\n".join(block for page in PAGES for block in BLOCK.findall(page.read_text("utf-8")))


def test_the_deployment_by_az_gives_parameters_that_exist_and_all_that_have_no_default() -> None:
    main = Project.read(Tree(ROOT), Facts.load()).files[MAIN]
    [given] = [one for one in BLOCK.findall(PAGES[0].read_text("utf-8")) if "az deployment sub create" in one]
    command = given.partition("\n\n")[0].partition("--parameters")[2]
    names = set(re.findall(r"\b([a-z]\w+)=", re.sub(r'"[^"]*"', '""', command)))
    assert names <= main.parameters.keys()
    assert {name for name, one in main.parameters.items() if one.default is None} <= names


def test_variables_that_are_set_are_read_and_those_that_are_used_are_given() -> None:
    text = commands()
    parameters = (ROOT / "infra/main.parameters.json").read_text("utf-8")
    for name in re.findall(r"azd env set (\w+)", text):
        assert name in AZD_ITSELF or f"${{{name}" in parameters, name
    outputs = set(Project.read(Tree(ROOT), Facts.load()).files[MAIN].outputs)
    for name in set(re.findall(r"\$\{?(AZURE_\w+)", text)):
        assert name in outputs, name
    for name in re.findall(r"value azurE_(\w+)\)", text):
        assert f"AZURE_{name}" in outputs, name


def test_secrets_that_are_stored_are_those_that_are_read() -> None:
    every = {*SECRETS, *(name for names in SECRETS_OF_AUTH.values() for name in names)}
    named = {name.lower().replace("_", "-") for name in every}
    assert set(re.findall(r"^store ([a-z-]+)$", commands(), re.MULTILINE)) <= named


def test_files_and_modules_that_commands_name_are_there() -> None:
    text = commands()
    for module in set(re.findall(r"-m (sandbox[\w.]*)", text)):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
    for path in set(re.findall(r"--template-file (\S+)", text)):
        assert (ROOT / path).exists(), path
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_what_was_not_run_is_said_on_every_page_with_commands_of_azure() -> None:
    for page in PAGES:
        if page.name in ("deploy.md", "sign-in.md", "erase.md"):
            assert re.search(r"[Nn]ot (yet )?run", page.read_text("utf-8")), page.name
