"""The in-process client, against applications that behave well and badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

import router.testing
from router.testing import Client

pytestmark = pytest.mark.slow

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Closing:
    """A WSGI body that knows whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self.closed += 1


def events_app(body: Iterable[bytes]) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream"), ("X-A", "1"), ("X-A", "2")])
        return body

    return app


def mirror(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    shown = {name: value for name, value in environ.items() if isinstance(value, str)}
    write = start_response("201 Created", [("Content-Type", "application/json")])
    write(b'{"environ":' + json.dumps(shown).encode() + b',"body":')
    return [environ["wsgi.input"].read() or b"null", b"}"]


def test_requests_reach_the_application_whole() -> None:
    client = Client(mirror, "sk-1")
    result = client.chat({"model": "m"}, headers={"X-Own": "v"})
    assert (result.status, result.headers["content-type"]) == (201, "application/json")
    assert result.json()["body"] == {"model": "m"}
    environ = result.json()["environ"]
    assert environ["HTTP_AUTHORIZATION"] == "Bearer sk-1"
    assert environ["HTTP_X_OWN"] == "v"
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == ("POST", "/v1/chat/completions")
    assert client.embeddings({}).json()["environ"]["PATH_INFO"] == "/v1/embeddings"
    got = client.get("/v1/models?limit=1").json()
    assert (got["environ"]["QUERY_STRING"], got["body"]) == ("limit=1", None)
    assert client.post("/x", b"[1]", {"Content-Type": "text/plain"}).json()["environ"]["CONTENT_TYPE"] == "text/plain"
    assert "HTTP_AUTHORIZATION" not in Client(mirror).get("/").json()["environ"]


def test_a_stream_is_parsed_and_closed_once() -> None:
    body = Closing(b'data: {"a"', b":1}\n\n: ping\n\nda", b"ta: [DONE]\n\n")
    stream = Client(events_app(body)).stream({"model": "m"})
    assert (stream.status, stream.headers["x-a"]) == (200, "1, 2")
    assert (list(stream), stream.done) == ([{"a": 1}], True)
    stream.close()
    assert body.closed == 1


def test_a_stream_may_be_left_early() -> None:
    body = Closing(b'data: {"a":1}\n\n', b'data: {"a":2}\n\n')
    with Client(events_app(body)).stream({}) as stream:
        assert next(iter(stream)) == {"a": 1}
        assert (body.closed, stream.done) == (0, False)
    assert body.closed == 1


def test_a_heartbeat_after_the_last_event_is_no_fault() -> None:
    stream = Client(events_app([b"data: 1\n\n: ping\n"])).stream({})
    assert list(stream) == [1]


def test_a_stream_that_ends_inside_an_event_is_a_fault() -> None:
    stream = Client(events_app([b'data: {"a":1}\n\ndata: {"a":2}\n'])).stream({})
    with pytest.raises(AssertionError, match="ends inside an event"):
        list(stream)


def test_an_event_after_done_is_a_fault() -> None:
    stream = Client(events_app([b"data: [DONE]\n\ndata: 1\n\n"])).stream({})
    with pytest.raises(AssertionError, match="after \\[DONE\\]"):
        list(stream)


def test_an_application_may_start_with_its_first_piece() -> None:
    def late(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("404 Not Found", [])
        yield b"no"
        yield b"thing"

    stream = Client(late).stream({})
    assert (stream.status, stream.read()) == (404, b"nothing")


def test_an_application_that_never_starts_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="without start_response"):
        Client(lambda environ, start_response: [b"x"]).get("/")


def test_public_names_are_sorted_and_there() -> None:
    assert list(router.testing.__all__) == sorted(router.testing.__all__)
    assert all(hasattr(router.testing, name) for name in router.testing.__all__)
