"""An in-process client: calls a WSGI application directly, without sockets, and judges the streams it emits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

import sseclient

__all__ = ["Client", "EventStream", "Result"]


@dataclass(frozen=True)
class Result:
    """A whole response. ``headers`` have lower-case names; repeated ones are joined by ``", "``."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The decoded body.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body)


class EventStream:
    """A response that is still on its way; iterating gives each event's decoded JSON, ``[DONE]`` apart.

    The events are cut by ``sseclient-py``, which shares no code with the gateway. A stream that ends inside an event is
    an ``AssertionError``: sseclient hands such a rest over as if it were whole.

    Attributes:
        status: HTTP status; when it is not 200, ``read()`` gives the body and there are no events.
        headers: lower-case names.
        done: whether ``[DONE]`` has come.
        raw: the bytes so far.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], pieces: Iterator[bytes], close: Callable[[], None]
    ) -> None:
        self.status = status
        self.headers = headers
        self.done = False
        self.raw = b""
        self._pieces = pieces
        self._close = close
        self._events = self._parse()

    def __iter__(self) -> Iterator[Any]:
        return self._events

    def read(self) -> bytes:
        """The rest of the response, unparsed; closes it."""
        for piece in self._pieces:
            self.raw += piece
        self.close()
        return self.raw

    def close(self) -> None:
        """End the response early, as a server does when its client has gone. Harmless when called again."""
        close, self._close = self._close, _nothing
        close()

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parse(self) -> Iterator[Any]:
        try:
            for event in sseclient.SSEClient(self._noted()).events():
                assert not self.done, f"an event after [DONE]: {event.data!r}"
                if event.data == "[DONE]":
                    self.done = True
                else:
                    yield json.loads(event.data)
            rest = self.raw.replace(b"\r\n", b"\n").rpartition(b"\n\n")[2]
            assert all(line.startswith(b":") for line in rest.splitlines()), (
                f"the stream ends inside an event: {rest!r}"
            )
        finally:
            self.close()

    def _noted(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.raw += piece
            yield piece


class Client:
    """Calls a WSGI application as an API client would.

    Args:
        app: the application.
        api_key: sent as a bearer token; empty sends none.
    """

    def __init__(self, app: WSGIApplication, api_key: str = "") -> None:
        self._app = app
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    def chat(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Result:
        """``POST /v1/chat/completions``."""
        return self.post("/v1/chat/completions", body, headers)

    def stream(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> EventStream:
        """``POST /v1/chat/completions`` with ``stream: true``; returns when the head is there."""
        return self._open("POST", "/v1/chat/completions", json.dumps({**body, "stream": True}).encode(), headers)

    def embeddings(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Result:
        """``POST /v1/embeddings``."""
        return self.post("/v1/embeddings", body, headers)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Result:
        """``GET`` any path."""
        return self.request("GET", path, b"", headers)

    def post(self, path: str, body: Mapping[str, Any] | bytes, headers: Mapping[str, str] | None = None) -> Result:
        """``POST`` any path; a body of bytes is sent as it is."""
        return self.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Result:
        """Any request; waits for the whole response."""
        response = self._open(method, path, body, headers)
        return Result(response.status, response.headers, response.read())

    def _open(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None) -> EventStream:
        answer = _Answer()
        environ = _environ(method, path, body, self._headers | dict(headers or {}))
        result = self._app(environ, answer.start)
        pieces = iter(result)
        # An application may start its response as late as with the first piece.
        first = [] if answer.started else [next(pieces, b"")]
        assert answer.started, "the application gave a body without start_response"
        close: Callable[[], None] = getattr(result, "close", _nothing)
        return EventStream(answer.status, answer.headers, _chained(answer.written, first, pieces), close)


class _Answer:
    """What the application said to ``start_response``."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.written: list[bytes] = []

    @property
    def started(self) -> bool:
        return self.status > 0

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Callable[[bytes], object]:
        self.status = int(status.split(" ")[0])
        self.headers = {}
        for name, value in headers:
            known = self.headers.get(name.lower())
            self.headers[name.lower()] = value if known is None else f"{known}, {value}"
        return self.written.append


def _environ(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> WSGIEnvironment:
    path, _, query = path.partition("?")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def _chained(*parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield from part


def _nothing() -> None:
    """Closes what needs no closing."""
