"""What the adapter makes of the runtime's outputs; the values come from the real encoders."""

from http.cookies import SimpleCookie

import azure.functions as func
from azure.functions.http import HttpResponseConverter
from azure.functions.queue import QueueMessageOutConverter

from sandbox.host.runtime import http_answer, queue_messages


def encoded(value: object) -> list[bytes]:
    return queue_messages(QueueMessageOutConverter.encode(value, expected_type=None))


def test_every_shape_of_a_queue_output() -> None:
    assert encoded("ä") == ["ä".encode()]
    assert encoded(b"\x00\xff") == [b"\x00\xff"]
    assert encoded(["a", '{"b": 1}']) == [b"a", b'{"b": 1}']
    assert encoded(func.QueueMessage(body="body")) == [b"body"]
    assert encoded([func.QueueMessage(id="1", body="x"), "y"]) == [b"x", b"y"]
    assert encoded([]) == []


def test_every_shape_of_an_http_output() -> None:
    text = http_answer(HttpResponseConverter.encode("ä", expected_type=str))
    assert (text.status, text.body) == (200, "ä".encode())
    response = func.HttpResponse(
        b"\x00", status_code=418, headers={"X-A": "1", "Set-Cookie": "c=2; HttpOnly"}
    )
    answer = http_answer(HttpResponseConverter.encode(response, expected_type=None))
    assert (answer.status, answer.body) == (418, b"\x00")
    headers = dict(answer.headers)
    assert headers["X-A"] == "1"
    assert SimpleCookie(headers["set-cookie"])["c"]["httponly"]
