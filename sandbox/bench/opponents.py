"""Other ways to do the same job, for comparison in the same run: Node-RED and the bare floor."""

import asyncio
import base64
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from sandbox.bench.ground import Ground
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.stage import CLIENT_ID, COMPANY, LOCAL, ROOT, free_port

INSTALLED: Final = ROOT / ".run" / "bench" / "node-red"
MANIFEST: Final = Path(__file__).with_name("node_red") / "package.json"
START_SECONDS: Final = 60.0
TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Opponent:
    """A process that takes events at ``url``. It leads a process group of its own, which ``kill`` ends at once."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    url: str
    process: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> None:
        """Starts it and waits until it listens; raises TimeoutError otherwise."""
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while True:
                try:
                    # A route that nobody serves answers too; the job itself takes posts alone.
                    async with session.get(self.url):
                        return
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)

    def cpu(self) -> float:
        """Processor seconds of the process so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    async def kill(self) -> None:
        """Ends the process as a crash does."""
        assert self.process is not None
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


def _addresses(ground: Ground) -> dict[str, str]:
    stage = ground.stage
    company = next(
        one.key for one in stage.business_central.environment.store.companies.values() if one.name == COMPANY
    )
    cw = base64.b64encode(b"acme+public:private").decode()
    bc = base64.b64encode(f"{DEFAULT_USER}:web-service-key".encode()).decode()
    return {
        "CW_URL": f"{stage.connectwise_url}/v4_6_release/apis/3.0",
        "BC_URL": f"{stage.business_central_url}/api/v2.0/companies({company})",
        "CW_AUTH": f"Basic {cw}",
        "CW_CLIENT": CLIENT_ID,
        "BC_AUTH": f"Basic {bc}",
    }


def floor(ground: Ground) -> Opponent:
    """The three calls by hand."""
    port = free_port()
    environment = {**_addresses(ground), "PORT": str(port)}
    command = [sys.executable, "-m", "sandbox.bench.floor"]
    return Opponent("bare floor", command, environment, f"http://{LOCAL}:{port}/hook")


async def install_node_red() -> bool:
    """Installs Node-RED beside the project, once; False where npm cannot do it."""
    if not (INSTALLED / "node_modules" / "node-red" / "red.js").exists():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        shutil.copy(MANIFEST, INSTALLED)
        npm = await asyncio.create_subprocess_exec(
            *("npm", "install", "--no-audit", "--no-fund", "--loglevel=error"), cwd=INSTALLED
        )
        await npm.wait()
    return (INSTALLED / "node_modules" / "node-red" / "red.js").exists()


def node_red(ground: Ground) -> Opponent:
    """Node-RED with the flow of the job."""
    port = free_port()
    home = INSTALLED / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "flows.json").write_text(json.dumps(_flow(_addresses(ground))), "utf-8")
    (home / "settings.js").write_text(
        f"module.exports = {{ uiPort: {port}, uiHost: '{LOCAL}', httpAdminRoot: false, flowFile: 'flows.json', "
        "telemetry: { enabled: false }, logging: { console: { level: 'off' } } };",
        "utf-8",
    )
    command = ["node", str(INSTALLED / "node_modules" / "node-red" / "red.js"), "--userDir", str(home)]
    return Opponent("Node-RED", command, {}, f"http://{LOCAL}:{port}/hook")


def _flow(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The job as a flow: hook, answer at once, three requests with a function before each."""
    cw = json.dumps({"Authorization": given["CW_AUTH"], "clientId": given["CW_CLIENT"]})
    bc = json.dumps({"Authorization": given["BC_AUTH"], "Content-Type": "application/json"})
    company = f"""
        return {{record: msg.payload.ID, method: 'GET', headers: {cw},
                 url: '{given["CW_URL"]}/company/companies/' + msg.payload.ID}};"""
    look_up = f"""
        const number = 'C' + String(msg.record).padStart(6, '0');
        return {{number, company: msg.payload, method: 'GET', headers: {bc},
                 url: "{given["BC_URL"]}/customers?$filter=number%20eq%20'" + number + "'"}};"""
    write = f"""
        const {{name, city, phoneNumber}} = msg.company, found = msg.payload.value[0], url = '{given["BC_URL"]}/customers';
        const payload = {{displayName: name, city, phoneNumber}}, headers = {bc};
        if (!found) return {{method: 'POST', url, headers, payload: {{number: msg.number, ...payload}}}};
        headers['If-Match'] = found['@odata.etag'];
        return {{method: 'PATCH', url: `${{url}}(${{found.id}})`, headers, payload}};"""

    def function(name: str, code: str, following: str) -> dict[str, Any]:
        return {
            "id": name,
            "z": "t",
            "type": "function",
            "func": code,
            "outputs": 1,
            "wires": [[following]],
        }

    def request(name: str, following: list[str]) -> dict[str, Any]:
        node = {"id": name, "z": "t", "type": "http request", "method": "use", "ret": "obj", "persist": True}
        return {**node, "url": "", "wires": [following]}

    return [
        {"id": "t", "type": "tab", "label": "company to customer"},
        {
            "id": "hook",
            "z": "t",
            "type": "http in",
            "url": "/hook",
            "method": "post",
            "wires": [["ask", "ack"]],
        },
        {"id": "ack", "z": "t", "type": "http response", "statusCode": "200", "headers": {}, "wires": []},
        function("ask", company, "company"),
        request("company", ["find"]),
        function("find", look_up, "found"),
        request("found", ["do"]),
        function("do", write, "done"),
        request("done", []),
    ]
