"""Upstreams that say nothing for a while: heartbeats, a response that is begun without output, and what may follow."""

from __future__ import annotations

import threading
from http.client import HTTPResponse

import pytest
from line_wire import Line, events, public, whole

from router.testing import Answer, ReceivedRequest, Stream, chunks

pytestmark = pytest.mark.slow

ROLE, HELLO, THERE, FINISH = SENT = chunks("Hello", " there")
BEAT = b": keep-alive\n"


@pytest.fixture
def voice() -> threading.Event:
    """Set when the upstream may speak."""
    return threading.Event()


def read_beats(response: HTTPResponse, count: int) -> bytes:
    """So many heartbeats, and nothing else."""
    data = b""
    while data.count(BEAT) < count:
        data += response.read1()
    assert data.replace(BEAT, b"") == b""
    return data


def test_silence_before_the_first_byte(hasty: Line, voice: threading.Event) -> None:
    model = hasty.model()
    hasty.upstream.script(Stream(SENT, hold=voice))
    with hasty.opened(hasty.body(model)) as response:
        assert response.status == 200 and response.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        read_beats(response, 3)
        voice.set()
        answered = whole(response)
    assert events(answered.body) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]
    row = hasty.row(answered)
    assert (row["ending"], row["status"]) == ("ok", 200) and row["first_token_ms"] >= 300


def test_silence_after_the_role(hasty: Line, voice: threading.Event) -> None:
    """A chunk that holds no output yet is held back: the next provider might still have to serve the call."""
    model = hasty.model()
    hasty.upstream.script(Stream([ROLE, voice, HELLO, THERE, FINISH]))
    with hasty.opened(hasty.body(model)) as response:
        read_beats(response, 2)
        voice.set()
        assert events(whole(response).body) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Answer.error(500), "upstream_server_error"),
        (Answer.error(400, "No such field.", param="x"), "invalid_request"),
        (Stream([ROLE], done=False), "upstream_malformed"),
        (Stream(SENT, cut_after_bytes=0), "upstream_connection"),
    ],
    ids=["500", "400", "no output", "cut"],
)
def test_a_failure_after_silence_is_one_error_event(hasty: Line, script: Answer | Stream, code: str) -> None:
    voice = threading.Event()

    def answer(_: ReceivedRequest) -> Answer | Stream:
        voice.wait(20)
        return script

    hasty.upstream.script(answer)
    with hasty.opened(hasty.body()) as response:
        assert response.status == 200
        read_beats(response, 2)
        voice.set()
        answered = whole(response)
    assert not answered.cut and len(events(answered.body)) == 1 and answered.error["code"] == code
    row = hasty.row(answered)
    assert (row["ending"], row["status"], row["error_code"], row["completion_tokens"]) == ("error", 200, code, 0)


def test_after_silence_the_next_provider_may_still_serve(hasty: Line, voice: threading.Event) -> None:
    model = hasty.model("first")
    hasty.upstream.script(Answer.error(500, hold=voice), Stream(SENT))
    with hasty.opened(hasty.body(model)) as response:
        read_beats(response, 2)
        voice.set()
        answered = whole(response)
    assert events(answered.body) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]
    assert hasty.row(answered)["kinds"] == ["server", "ok"]


def test_silence_in_the_middle(hasty: Line, voice: threading.Event) -> None:
    model = hasty.model()
    hasty.upstream.script(Stream([ROLE, HELLO, voice, THERE, FINISH]))
    with hasty.opened(hasty.body(model)) as response:
        seen = b""
        while not seen.endswith(b"\n\n"):
            seen += response.read1()
        read_beats(response, 3)
        voice.set()
        seen += whole(response).body
    assert events(seen) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]


def test_upstream_comments_are_no_output_and_no_heartbeat_of_ours(hasty: Line) -> None:
    comments = [b": OPENROUTER PROCESSING\n\n", 0.15] * 4
    model = hasty.model()
    hasty.upstream.script(Stream([*comments, *SENT]))
    answered = hasty.post(hasty.body(model))
    assert b"PROCESSING" not in answered.body and BEAT in answered.body
    assert events(answered.body) == [*[public(chunk, model) for chunk in SENT], b"[DONE]"]


def test_the_sdk_does_not_mind_heartbeats(hasty: Line, voice: threading.Event) -> None:
    hasty.upstream.script(Stream([0.5, ROLE, HELLO, 0.3, THERE, FINISH]))
    found = list(hasty.gateway.client().chat.completions.create(**hasty.body()))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in found) == "Hello there"


def test_a_plain_call_waits_in_silence(hasty: Line) -> None:
    hasty.upstream.script(Answer(b'{"choices": []}', delay_s=0.6))
    answered = hasty.post(hasty.body(stream=False))
    assert (answered.status, answered.body) == (200, b'{"choices": []}')
