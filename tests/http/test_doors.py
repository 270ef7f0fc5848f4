"""Whichever door a request comes through, our own server's or any WSGI server's, the line answers it the same."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from router.testing import Gateway, ScriptedUpstream, Stream, chunks, stream

CHAT, EMBEDDINGS, MODELS = "/v1/chat/completions", "/v1/embeddings", "/v1/models"
BODY = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}
_OF_THE_SERVER = {"date", "server", "connection", "transfer-encoding", "x-request-id", "content-length"}
_TIMES = re.compile(r"\d+ms")


class Doors:
    """A process that serves one application behind three doors."""

    def __init__(self, gateway: Gateway) -> None:
        self.key = gateway.api_key
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("serve_doors.py")), str(gateway.config_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.own, self.other = map(int, self._process.stdout.readline().split())

    def answers(self, path: str, body: str, headers: Mapping[str, str]) -> list[tuple[int, dict[str, str], str]]:
        """What each door answers: status, headers but those of the server, body."""
        ours = _asked(self.own, path, body.encode(), headers)
        return [ours, _asked(self.other, path, body.encode(), headers), self._of_flask(path, body, headers)]

    def _of_flask(self, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"path": path, "headers": dict(headers), "body": body}) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return told["status"], _shown(told["headers"]), told["body"]

    def close(self) -> None:
        _, errors = self._process.communicate(timeout=30)
        assert "Traceback" not in errors, errors
        assert self._process.returncode == 0


def _asked(port: int, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, _shown(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def _shown(headers: Any) -> dict[str, str]:
    names = [name.lower() for name, _ in headers]
    assert "x-request-id" in names and len(set(names)) == len(names)
    kept = {name.lower(): _TIMES.sub("ms", value) for name, value in headers}
    return {name: value for name, value in kept.items() if name not in _OF_THE_SERVER}


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(api_key=None) as upstream:
        yield upstream


@pytest.fixture(scope="module", params=["", "nexgate"])
def doors(request: pytest.FixtureRequest, tmp_path_factory: Any, upstream: ScriptedUpstream) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("doors")
    gateway = Gateway(folder, upstream=upstream.url, profile=request.param or None, billing=False, start=False)
    doors = Doors(gateway)
    yield doors
    doors.close()


def _authorized(doors: Doors, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {doors.key}", "Content-Type": "application/json", **headers}


@pytest.mark.parametrize(
    ("path", "body", "statuses"),
    [
        (CHAT, BODY, 200),
        (f"/{CHAT}", BODY, 200),
        (f"{CHAT}?beta=true", BODY, 200),
        (EMBEDDINGS, {"model": "openai/text-embedding-3-small", "input": "Hello"}, (200, 404)),
        (CHAT, {**BODY, "stream": True}, 200),
        (CHAT, {**BODY, "temperature": "hot"}, 400),
        (CHAT, {**BODY, "model": "openai/none"}, 404),
        (CHAT, "not JSON", 400),
        (MODELS, "{}", 405),
        ("/v1/nothing", "{}", 404),
    ],
)
def test_each_door_gives_the_same_bytes(
    doors: Doors, upstream: ScriptedUpstream, path: str, body: Any, statuses: int | tuple[int, int]
) -> None:
    upstream.reset()
    if isinstance(body, dict) and body.get("stream"):
        upstream.script(*[stream("Hel", "lo ", "there", include_usage=True) for _ in range(3)])
    text = body if isinstance(body, str) else json.dumps(body)
    own, *others = doors.answers(path, text, _authorized(doors))
    assert own[0] in (statuses if isinstance(statuses, tuple) else (statuses,))
    assert all(other == own for other in others), others


@pytest.mark.parametrize("own", [True, False])
def test_a_stream_is_there_as_it_comes(doors: Doors, upstream: ScriptedUpstream, own: bool) -> None:
    voice = threading.Event()
    role, hello, there, finish = chunks("Hello", " there")
    upstream.reset()
    upstream.script(Stream([role, hello, voice, there, finish]))
    connection = http.client.HTTPConnection("127.0.0.1", doors.own if own else doors.other, timeout=30)
    with closing(connection):
        connection.request("POST", CHAT, json.dumps({**BODY, "stream": True}), _authorized(doors))
        response = connection.getresponse()
        data = b""
        while b"Hello" not in data:
            data += response.read1()
        assert b"there" not in data
        voice.set()
        data += response.read()
    assert b"there" in data and data.endswith(b"data: [DONE]\n\n")


def test_each_door_refuses_a_stranger_alike(doors: Doors) -> None:
    own, *others = doors.answers(CHAT, json.dumps(BODY), {"Authorization": "Bearer sk-canary"})
    assert own[0] == 401 and all(other == own for other in others)
