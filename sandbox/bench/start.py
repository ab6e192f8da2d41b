"""The cold start: how long the host needs to import and index the app, in a process of its own."""

import asyncio
import json
import os
import sys
from typing import Final

from sandbox.bench.figures import Figures
from sandbox.stage import ROOT
from shared.settings import Settings

SECONDS: Final = 1.0
RUNS: Final = 3
SCRIPT: Final = """
import json, sys, time
import azure.functions
given, own, cpu = time.perf_counter(), len(sys.modules), time.process_time()
import function_app
found = len(function_app.app.get_functions())
indexed, cpu = time.perf_counter() - given, time.process_time() - cpu
modules = len(sys.modules) - own
began = time.perf_counter()
import shared.app
print(json.dumps([indexed, cpu, modules, found, time.perf_counter() - began]))
"""


async def cold_start(settings: dict[str, str]) -> Figures:
    """The best of a few runs: what disturbs a run only makes it longer."""
    Settings.read(settings)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    runs = []
    for _ in range(RUNS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SCRIPT, cwd=ROOT, env=kept | settings, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        runs.append(json.loads(out))
    indexed, cpu, modules, found, rest = min(runs)
    part = Figures("Cold start, beyond what azure.functions itself imports")
    part.at_most(f"import and index of {found} functions", indexed, SECONDS, "s", digits=2)
    part.note("of it processor time", f"{cpu:.2f} s")
    part.note("modules imported", str(modules))
    part.note("import of the app with the first function that runs", f"{rest:.2f} s")
    return part
