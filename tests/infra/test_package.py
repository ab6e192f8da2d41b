"""The app as it is deployed: what `.funcignore` leaves, alone in a folder, indexed by the real runtime and loaded whole."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra_checks.packaging import DEPLOYED, IGNORED, package
from infra_checks.problems import Tree
from tests.domain.support import SETTINGS

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = """
import asyncio, importlib, json, pathlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
from sandbox.host.errors import HostError
from sandbox.host.runtime import Runtime
# Nothing of the project may help out but the package itself.
sys.path.remove(sys.argv[1])
assert not [name for name in sys.modules if name == "shared" or name.startswith("shared.")]
here = pathlib.Path.cwd()
try:
    found = asyncio.run(Runtime().index(here))
except HostError as error:
    sys.exit(str(error))
import shared
for module in pkgutil.walk_packages(shared.__path__, "shared."):
    importlib.import_module(module.name)
from shared.app import assemble, standards
from shared.settings import Settings
import os
assemble(Settings.read(os.environ))
assert standards(), "the package has no standard mapping"
outside = [name for name, module in sys.modules.items() if name.partition(".")[0] in ("shared", "function_app")
           and not str(module.__file__).startswith(str(here))]
assert not outside, outside
print(json.dumps(sorted(item.name for item in found)))
"""


def deployed(tree: Tree, folder: Path) -> subprocess.CompletedProcess[str]:
    """Copies the package and indexes it in a process that knows nothing else of the project."""
    for path in package(tree):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree.root / path, target)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    command = [sys.executable, "-B", "-c", SCRIPT, str(ROOT)]
    return subprocess.run(
        command, cwd=folder, env=kept | SETTINGS, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_package_is_the_app_and_nothing_else(tmp_path: Path) -> None:
    paths = package(Tree(ROOT))
    assert {path.partition("/")[0] for path in paths} == DEPLOYED
    assert not [
        path for path in paths if "test" in path or "sandbox" in path or path.endswith((".pyc", ".md"))
    ]
    done = deployed(Tree(ROOT), tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"sync_record", "sweep", "connectwise_hook", "catch_up", "signed_in"} <= set(
        json.loads(done.stdout)
    )


def test_a_pattern_that_keeps_something_back_is_found(tmp_path: Path) -> None:
    text = (ROOT / IGNORED).read_text()
    done = deployed(Tree(ROOT, {IGNORED: f"{text}defaults\n"}), tmp_path)
    assert done.returncode != 0
    assert "no standard mapping" in done.stderr
    for pattern in ("host.json", "mapping", "function_app.py"):
        paths = package(Tree(ROOT, {IGNORED: f"{text}{pattern}\n"}))
        assert set(package(Tree(ROOT))) - set(paths)


def test_a_test_or_a_stand_in_that_would_be_deployed_is_found() -> None:
    text = (ROOT / IGNORED).read_text()
    for pattern in ("tests", "sandbox"):
        paths = package(Tree(ROOT, {IGNORED: text.replace(f"{pattern}\n", "")}))
        assert {path.partition("/")[0] for path in paths} - DEPLOYED == {pattern}
