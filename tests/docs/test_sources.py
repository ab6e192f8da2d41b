"""Whatever file a page or a comment names is in the repository, so that a reader can open it."""

import re
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT

NAMED: Final = re.compile(r"(?<![\w/.*-])([\w][\w.-]*\.md)\b")
"""The name of a page without its folder."""
FOLDERS: Final = ("docs", "infra", "infra_checks", "sandbox", "scripts", "shared", "tests")
KINDS: Final = {".bicep", ".json", ".md", ".py", ".sh", ".yaml", ".yml"}
MADE: Final = {"shipment_method.md", "gadget.md"}
"""Pages that a worked example makes."""


def files() -> list[Path]:
    """Code, configuration and pages; nothing that was installed or generated."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in KINDS]
    return [*found, *(path for path in ROOT.iterdir() if path.suffix in KINDS)]


def test_every_page_that_is_named_exists() -> None:
    pages = {file.name for file in files() if file.suffix == ".md"}
    missing = {
        f"{file.relative_to(ROOT)}: {found}"
        for file in files()
        for found in NAMED.findall(file.read_text("utf-8"))
        if found not in pages | MADE
    }
    assert not missing
