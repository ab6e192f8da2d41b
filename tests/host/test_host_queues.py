"""The host as a process: real functions on real queues, ended gently and not."""

import asyncio

import aiohttp
from azure.storage.queue.aio import QueueClient

from tests.host.conftest import Bench, eventually


async def texts(client: QueueClient) -> list[str]:
    return sorted([message.content for message in await client.peek_messages(max_messages=32)])


async def test_an_output_binding_feeds_a_trigger_whose_return_value_feeds_the_next(bench: Bench) -> None:
    host = await bench.host()
    async with (
        aiohttp.ClientSession(host.url) as client,
        client.post("/api/enqueue", json=[{"do": "ok", "id": number} for number in range(5)]) as answer,
    ):
        assert answer.status == 202
    done = await bench.queue(bench.done_queue)

    async def all_done() -> bool:
        functions = {item["name"]: item for item in (await host.status())["functions"]}
        return bool(functions["work"]["succeeded"] == 5)

    await eventually(all_done)
    assert await texts(done) == [f"done {number}" for number in range(5)]


async def test_a_failing_message_is_retried_then_found_in_the_poison_queue(bench: Bench) -> None:
    work, poison = await bench.queue(bench.work_queue), await bench.queue(bench.poison_queue)
    await work.create_queue()
    await poison.create_queue()
    await work.send_message('{"do": "fail", "id": 7}')
    host = await bench.host()
    assert await eventually(lambda: texts(poison)) == ['{"do": "fail", "id": 7}']
    assert bench.lines() == [f"work fail 7 attempt {attempt}" for attempt in (1, 2, 3)]
    assert any("ValueError: cannot do 7" in line for line in host.output)
    assert any("root: about to fail" in line for line in host.output)


async def test_after_a_crash_the_message_comes_back(bench: Bench) -> None:
    work = await bench.queue(bench.work_queue)
    await work.create_queue()
    await work.send_message('{"do": "hold", "id": 1}')
    crashed = await bench.host(queue_invisibility=2)
    await bench.wait_for_line("work hold 1 attempt 1")
    await crashed.kill()
    bench.release.touch()
    await bench.host(queue_invisibility=2)
    await bench.wait_for_line("work released 1")
    assert bench.lines() == ["work hold 1 attempt 1", "work hold 1 attempt 2", "work released 1"]


async def test_a_gentle_stop_lets_the_message_in_flight_finish(bench: Bench) -> None:
    work, done = await bench.queue(bench.work_queue), await bench.queue(bench.done_queue)
    await work.create_queue()
    await work.send_message('{"do": "hold", "id": 1}')
    host = await bench.host()
    await bench.wait_for_line("work hold 1 attempt 1")
    stopping = asyncio.create_task(host.stop())

    async def is_stopping() -> bool:
        return any("Stopping; 1 invocations in flight" in line for line in host.output)

    await eventually(is_stopping)
    bench.release.touch()
    assert await stopping == 0
    assert await texts(done) == ["done 1"]
    assert (await work.get_queue_properties()).approximate_message_count == 0


async def test_a_gentle_stop_lets_the_request_in_flight_have_its_answer(bench: Bench) -> None:
    host = await bench.host()
    async with aiohttp.ClientSession(host.url) as client:
        request = asyncio.create_task(client.get("/api/hold"))
        await bench.wait_for_line("hold")
        stopping = asyncio.create_task(host.stop())

        async def is_stopping() -> bool:
            return any("Stopping; 1 invocations in flight" in line for line in host.output)

        await eventually(is_stopping)
        bench.release.touch()
        async with await request as answer:
            assert await answer.text() == "released"
    assert await stopping == 0


async def test_schedules_run_unless_they_are_off(bench: Bench) -> None:
    await bench.host(env={"HOST_TIMERS": "on", "TICK": "* * * * * *"})

    async def ticked_twice() -> bool:
        return len(bench.lines()) >= 2

    await eventually(ticked_twice)
    assert set(bench.lines()) == {"tick False"}
