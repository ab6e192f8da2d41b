"""The stage itself: what it promises to the demo and to the tests."""

import pytest

from sandbox.azurite import Azurite
from sandbox.host.process import HostProcess
from sandbox.stage import Stage


async def test_a_run_that_a_crash_cuts_off_is_made_again(
    azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = HostProcess.run
    runs = 0

    async def accepted_then_dead(host: HostProcess, function: str, value: str = "") -> None:
        nonlocal runs
        runs += 1
        await accepted(host, function, value)
        if runs == 1:
            await stage.crash()

    monkeypatch.setattr(HostProcess, "run", accepted_then_dead)
    async with Stage(azurite=azurite) as stage:
        await stage.run("catch_up")
        functions = {one["name"]: one for one in (await stage.host.status())["functions"]}
    assert runs == 2
    assert functions["catch_up"]["succeeded"] == 1
