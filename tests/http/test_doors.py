"""Whichever door a request comes through, our own server's or any WSGI server's, the line answers it the same."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from doors import Doors

from router.testing import Gateway, ScriptedUpstream, Stream, chunks, stream

pytestmark = pytest.mark.slow

CHAT, EMBEDDINGS, MODELS = "/v1/chat/completions", "/v1/embeddings", "/v1/models"
BODY = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}


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
    return {"Host": "gw.test", "Authorization": f"Bearer {doors.key}", "Content-Type": "application/json", **headers}


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
        ("/proxy/chat/completions", "{}", 404),
        ("/chat/completions/", BODY, 200),
        ("/openai/deployments/openai/gpt-4o/chat/completions?api-version=1", BODY, 200),
        ("/openai/deployments/openai/gpt-3/chat/completions?api-version=1", BODY, 400),
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
