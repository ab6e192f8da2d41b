"""The host as a process: routing, keys, answers and the admin surface over real HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox.azurite import Azurite
from sandbox.host.process import HostProcess
from tests.host.conftest import Bench, eventually


class Served:
    """A running host with its client."""

    def __init__(self, bench: Bench, host: HostProcess, client: aiohttp.ClientSession) -> None:
        self.bench, self.host, self.client = bench, host, client


@pytest.fixture(scope="module")
async def served(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder: Path = tmp_path_factory.mktemp("host")
    bench = Bench(azurite, folder)
    host = await bench.host(env={"AzureWebJobs.off.Disabled": "true"})
    async with aiohttp.ClientSession(host.url) as client:
        yield Served(bench, host, client)
    await bench.close()


async def test_a_request_reaches_the_function_whole_and_so_does_its_answer(served: Served) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"X-Sent": "one", "traceparent": trace}
    url = "/api/echo/17/a%20b/c?q=1&q=2&r=%C3%A4"
    async with served.client.put(url, data="Grüße", headers=headers) as answer:
        seen = await answer.json()
        assert answer.status == 201
        assert answer.headers["X-Answer"] == "yes"
        assert answer.cookies["a"].value == "1"
    assert seen["method"] == "PUT"
    assert seen["url"].startswith(served.host.url + "/api/echo/17/")
    assert seen["parameters"] == {"id": "17", "rest": "a b/c"}
    assert seen["query"] == {"q": "1,2", "r": "ä"}
    assert seen["header"] == "one"
    assert seen["body"] == "Grüße"
    assert seen["trace"].split("-")[1] == trace.split("-")[1]
    assert seen["trace"] != trace
    assert seen["options"] == []
    assert seen["folder"] == "sample"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/echo/17", 201),
        ("POST", "/api/echo/17", 404),
        ("GET", "/api/echo/x", 404),
        ("GET", "/echo/17", 404),
        ("GET", "/", 404),
        ("GET", "/api/off", 404),
    ],
)
async def test_routes_and_methods(served: Served, method: str, path: str, status: int) -> None:
    async with served.client.request(method, path) as answer:
        assert answer.status == status


async def test_a_literal_route_beats_a_parameter(served: Served) -> None:
    async with served.client.get("/api/items/special") as special, served.client.get("/api/items/x") as other:
        assert await special.text() == "special"
        assert await other.text() == "any x"
        assert special.content_type == "text/plain"


async def test_keys_open_what_they_should_in_header_or_query(served: Served) -> None:
    host = served.host

    async def status(path: str, key: str = "") -> int:
        async with served.client.get(path, headers={"x-functions-key": key}) as answer:
            return answer.status

    assert await status("/api/hello") == 401
    assert await status("/api/hello", key="wrong") == 401
    assert await status("/api/hello", key=host.function_key) == 200
    assert await status("/api/hello", key=host.master_key) == 200
    assert await status(f"/api/hello?code={host.function_key}") == 200
    assert await status("/api/hello?code=wr%C3%B6ng") == 401
    assert await status("/api/master", key=host.function_key) == 401
    assert await status("/api/master", key=host.master_key) == 204
    assert await status("/admin/host/status", key=host.function_key) == 401
    assert await status("/admin/host/ping") == 200


async def test_a_failure_is_an_empty_500_a_short_traceback_and_an_entry_in_the_books(served: Served) -> None:
    async with served.client.get("/api/boom") as answer:
        assert answer.status == 500
        assert await answer.read() == b""

    async def logged() -> bool:
        return any(line.startswith("RuntimeError: it broke here") for line in served.host.output)

    await eventually(logged)
    assert not any("azure_functions_runtime" in line for line in served.host.output)
    [boom] = [item for item in (await served.host.status())["functions"] if item["name"] == "boom"]
    assert boom["failed"] == 1
    assert boom["lastError"]["message"] == "RuntimeError('it broke here')"


async def test_a_cancelled_function_is_a_failure_like_any_other(served: Served) -> None:
    async with served.client.get("/api/cancelled") as answer:
        assert answer.status == 500


async def test_status_lists_every_function(served: Served) -> None:
    status = await served.host.status()
    functions = {item["name"]: item for item in status["functions"]}
    assert status["inFlight"] == 0
    assert functions["off"]["disabled"] is True
    assert functions["echo"]["methods"] == ["GET", "PUT"]
    assert functions["work"]["queue"] == served.bench.work_queue
    assert functions["tick"]["schedule"] == "0 0 0 1 1 *"


async def test_any_function_runs_by_hand_even_a_disabled_one(served: Served) -> None:
    assert "tick False" not in served.bench.lines()
    await served.host.run("tick")
    await served.bench.wait_for_line("tick False")
    await served.host.run("work", '{"do": "ok", "id": 1}')
    await served.bench.wait_for_line("work ok 1 attempt 1")
    await served.host.run("off")
    await served.bench.wait_for_line("off ran")


async def test_faulty_runs_by_hand(served: Served) -> None:
    headers = {"x-functions-key": served.host.master_key}

    async def status(name: str, data: str, headers: dict[str, str]) -> int:
        async with served.client.post(f"/admin/functions/{name}", data=data, headers=headers) as answer:
            return answer.status

    assert await status("tick", "{}", {}) == 401
    assert await status("nobody", "{}", headers) == 404
    assert await status("tick", "[]", headers) == 400
    assert await status("tick", "{", headers) == 400
    assert await status("tick", '{"input": 1}', headers) == 400
