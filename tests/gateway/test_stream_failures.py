"""Replies that fail: before any output as a plain error, after it as one event, with an honest row either way."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from line_wire import Answered, Line, events, public

from router.testing import Answer, Raw, Script, Stream, chunks, completion, sse, stream
from router.testing.upstream.wire import error as error_body

ROLE, HELLO, THERE, FINISH = chunks("Hello", " there")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
OVERLOADED = error_body(503, "Too much to do.", type="overloaded_error", code="overloaded")
BROKEN = b'data: {"id": "chatcmpl-scripted", "choices": [{"delta": {"cont\n\n'
NOT_JSON = b"data: <html>busy</html>\n\n"


def assert_plain_failure(line: Line, body: dict[str, Any], status: int, code: str) -> None:
    """One JSON error, for raw clients and for the SDK, and no trace of a stream."""
    answered = line.post(body)
    assert (answered.status, answered.cut) == (status, False), answered.body
    assert answered.headers["content-type"] == "application/json"
    assert answered.error["code"] == code
    row = line.row(answered)
    assert (row["ending"], row["status"], row["error_code"]) == ("error", status, code)
    assert (row["prompt_tokens"], row["completion_tokens"], row["first_token_ms"]) == (0, 0, None)


def assert_cut_after_output(line: Line, answered: Answered, model: str, sent: list[Any], code: str) -> None:
    """What was delivered, then one error event and no ``[DONE]``."""
    assert (answered.status, answered.cut) == (200, False)
    *delivered, last = events(answered.body)
    assert delivered == [public(chunk, model) for chunk in sent]
    assert json.loads(last).keys() == {"error"}
    assert answered.error["code"] == code
    row = line.row(answered)
    assert (row["ending"], row["status"], row["error_code"]) == ("cut", 200, code)
    assert row["completion_tokens"] >= 1 and row["estimated"] == 1
    (attempt,) = json.loads(row["attempts"]) if isinstance(row["attempts"], str) else row["attempts"]
    assert code.startswith(f"upstream_{attempt['kind']}") and attempt["message"]


BEFORE_OUTPUT: dict[str, tuple[Script | Raw, int, str]] = {
    "closed": (Raw(), 502, "upstream_connection"),
    "reset": (Raw(reset=True), 502, "upstream_connection"),
    "no HTTP": (Raw(b"SSH-2.0-OpenSSH\r\n\r\n"), 502, "upstream_malformed"),
    "head then cut": (Raw(HEAD + b"Content-Length: 99\r\n\r\n"), 502, "upstream_connection"),
    "nothing but [DONE]": (Stream([]), 502, "upstream_malformed"),
    "nothing at all": (Stream([], done=False), 502, "upstream_malformed"),
    "role, then [DONE]": (Stream([ROLE]), 502, "upstream_malformed"),
    "role, then cut": (Stream([ROLE, HELLO], cut_after=1), 502, "upstream_connection"),
    "role, then reset": (Stream([ROLE, HELLO], cut_after=1, reset=True), 502, "upstream_connection"),
    "role, then end": (Stream([ROLE], done=False, framing="eof"), 502, "upstream_malformed"),
    "half an event": (Stream([HELLO], done=False, framing="eof", cut_after_bytes=60), 502, "upstream_malformed"),
    "error": (Stream([OVERLOADED]), 503, "upstream_overloaded"),
    "role, then error": (Stream([ROLE, OVERLOADED]), 503, "upstream_overloaded"),
    "error of text": (Stream([{"error": "it broke"}]), 502, "upstream_server_error"),
    "error in a list": (Stream([[OVERLOADED]]), 503, "upstream_overloaded"),
    "error as JSON": (Answer(OVERLOADED), 503, "upstream_overloaded"),
    "completion as JSON": (Answer(completion("Hello")), 502, "upstream_malformed"),
    "HTML": (Answer("<html>busy</html>", headers={"Content-Type": "text/html"}), 502, "upstream_malformed"),
    "HTML without a type": (Answer("<html>busy</html>", headers={"Content-Type": ""}), 502, "upstream_malformed"),
    "empty": (Answer(b"", headers={"Content-Type": "text/event-stream"}), 502, "upstream_malformed"),
    "broken JSON": (Stream([BROKEN]), 502, "upstream_malformed"),
    "no JSON": (Stream([ROLE, NOT_JSON]), 502, "upstream_malformed"),
    "JSON of another kind": (Stream([b"data: 7\n\n"]), 502, "upstream_malformed"),
    "bad UTF-8": (Stream([b'data: {"choices": "\xff"}\n\n']), 502, "upstream_malformed"),
}


@pytest.mark.parametrize("name", BEFORE_OUTPUT)
def test_a_stream_that_fails_before_output_is_a_plain_error(line: Line, name: str) -> None:
    script, status, code = BEFORE_OUTPUT[name]
    line.upstream.script(script)
    assert_plain_failure(line, line.body(), status, code)


AFTER_OUTPUT: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "cut": ([], {"cut_after": 3}, "upstream_connection"),
    "reset": ([], {"cut_after": 3, "reset": True}, "upstream_connection"),
    "end": ([], {"done": False}, "upstream_connection"),
    "end of a connection": ([], {"done": False, "framing": "eof"}, "upstream_connection"),
    "error": ([OVERLOADED], {}, "upstream_overloaded"),
    "broken JSON": ([BROKEN], {}, "upstream_malformed"),
    "broken JSON in the usual envelope": ([sse(THERE)[:-9] + b"\n\n"], {}, "upstream_malformed"),
    "broken usage": ([b'data: {"usage": nul, "x": 1}\n\n'], {}, "upstream_malformed"),
    "no JSON": ([NOT_JSON], {}, "upstream_malformed"),
    "a list": ([b"data: []\n\n"], {}, "upstream_malformed"),
    "bad UTF-8": ([b'data: {"usage": null, "choices": "\xff", "x": 1}\n\n'], {}, "upstream_malformed"),
}


@pytest.mark.parametrize("joined", [False, True], ids=["apart", "joined"])
@pytest.mark.parametrize("name", AFTER_OUTPUT)
def test_a_stream_that_fails_after_output_ends_with_one_error_event(line: Line, name: str, joined: bool) -> None:
    tail, delivery, code = AFTER_OUTPUT[name]
    model = line.model()
    if "cut_after" in delivery:
        tail = [FINISH]
    if not (joined and delivery.get("reset")):  # a reset may overtake what was sent before it
        line.upstream.script(Stream([ROLE, HELLO, THERE, *tail], joined=joined, **delivery))
        assert_cut_after_output(line, line.post(line.body(model)), model, [ROLE, HELLO, THERE], code)


@pytest.mark.parametrize("length", [30, 150, 10_000])
def test_part_of_a_last_event_never_reaches_the_client(line: Line, length: int) -> None:
    model = line.model()
    sent = [ROLE, HELLO, THERE]
    whole = sum(len(sse(chunk)) for chunk in sent)
    part = sse({**THERE, "padding": "x" * 20_000})
    line.upstream.script(Stream([*sent, part], done=False, framing="eof", cut_after_bytes=whole + length))
    assert_cut_after_output(line, line.post(line.body(model)), model, sent, "upstream_connection")


def test_a_whole_last_event_needs_no_blank_line(line: Line) -> None:
    model = line.model()
    line.upstream.script(Stream([HELLO, sse(FINISH).rstrip()], done=False, framing="eof"))
    answered = line.post(line.body(model))
    assert events(answered.body) == [public(HELLO, model), public(FINISH, model), b"[DONE]"]
    assert line.row(answered)["ending"] == "ok"


@pytest.mark.parametrize(
    ("sent", "done"), [([HELLO, FINISH], False), ([HELLO], True)], ids=["a finish_reason", "[DONE]"]
)
def test_either_word_is_an_end(line: Line, sent: list[Any], done: bool) -> None:
    model = line.model()
    line.upstream.script(Stream(sent, done=done))
    answered = line.post(line.body(model))
    assert events(answered.body) == [*[public(chunk, model) for chunk in sent], b"[DONE]"]
    assert line.row(answered)["ending"] == "ok"


def test_nothing_after_done_is_read(line: Line) -> None:
    model = line.model()
    line.upstream.script(Stream([HELLO, FINISH, sse("[DONE]"), OVERLOADED, BROKEN], done=False))
    answered = line.post(line.body(model))
    assert events(answered.body)[-1] == b"[DONE]" and line.row(answered)["ending"] == "ok"


def test_a_cut_after_the_last_chunk_is_known_to_be_one(line: Line) -> None:
    """The ``finish_reason`` is there, so the answer is whole; its usage may have been lost."""
    model = line.model()
    line.upstream.script(Stream([HELLO, FINISH, THERE], cut_after=2))
    answered = line.post(line.body(model))
    assert events(answered.body)[:2] == [public(HELLO, model), public(FINISH, model)]
    assert line.row(answered)["ending"] == "cut"


def test_the_sdk_raises_what_the_stream_says(line: Line) -> None:
    line.upstream.script(Stream([ROLE, HELLO, OVERLOADED]), stream("Hello", "there", cut_after=2))
    for words in ("Too much to do", "cut off|closed|ended"):
        seen = []
        with pytest.raises(openai.APIError, match=f"(?i){words}") as caught:
            seen.extend(line.gateway.client().chat.completions.create(**line.body()))
        assert not isinstance(caught.value, openai.APIStatusError)
        assert [chunk.choices[0].delta.content for chunk in seen] == ["", "Hello"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_a_silent_upstream_is_a_timeout(line: Line, stream: bool) -> None:
    line.upstream.script(stream_held := Answer(completion("late"), delay_s=20))
    assert stream_held.delay_s == 20
    assert_plain_failure(line, line.body(line.model("timed"), stream=stream), 504, "upstream_timeout")


def test_a_stream_that_falls_silent_is_a_timeout(line: Line) -> None:
    model = line.model("timed")
    line.upstream.script(Stream([ROLE, HELLO, 20.0, FINISH]))
    assert_cut_after_output(line, line.post(line.body(model)), model, [ROLE, HELLO], "upstream_timeout")


PLAIN: dict[str, tuple[Script | Raw, int, str]] = {
    "error": (Answer(OVERLOADED), 503, "upstream_overloaded"),
    "error in a list": (Answer([OVERLOADED]), 503, "upstream_overloaded"),
    "HTML": (Answer("<html>busy</html>", headers={"Content-Type": "text/html"}), 502, "upstream_malformed"),
    "empty": (Answer(b""), 502, "upstream_malformed"),
    "blank": (Answer(b" \r\n"), 502, "upstream_malformed"),
    "broken JSON": (Answer('{"choices": ['), 502, "upstream_malformed"),
    "no choices": (Answer({"id": "x"}), 502, "upstream_malformed"),
    "choices of another kind": (Answer({"choices": "none"}), 502, "upstream_malformed"),
    "deep JSON": (Answer("[" * 100_000), 502, "upstream_malformed"),
    "a stream": (stream("Hello"), 502, "upstream_malformed"),
    "cut": (Answer(completion("Hello"), cut_after_bytes=50), 502, "upstream_connection"),
    "closed": (Raw(), 502, "upstream_connection"),
    "moved": (Answer("", status=302, headers={"Location": "http://127.0.0.1:1/"}), 502, "upstream_malformed"),
    "no content": (Answer("", status=204), 502, "upstream_malformed"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_reply_that_fails(line: Line, name: str) -> None:
    script, status, code = PLAIN[name]
    line.upstream.script(script)
    assert_plain_failure(line, line.body(stream=False), status, code)


def test_a_plain_reply_after_keep_alive_lines(line: Line) -> None:
    model = line.model()
    body = json.dumps(completion("Hello")).encode()
    line.upstream.script(Answer(b"\n\n  \r\n" + body + b"\n", headers={"Content-Type": "application/json"}))
    answered = line.post(line.body(model, stream=False))
    assert answered.body == body.replace(b'"gpt-4o"', json.dumps(model).encode())
    assert line.row(answered)["completion_tokens"] == 12


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_an_answer_that_is_too_long_is_the_requests_fault_and_charged(line: Line, stream: bool) -> None:
    model, text = line.model("short"), "word" * 1000
    for _ in range(4):  # more than rest an endpoint
        line.upstream.script(Stream(chunks(text)) if stream else Answer(completion(text)))
        answered = line.post(line.body(model, stream=stream))
        assert (answered.status, answered.error["code"]) == (400, "answer_too_long")
        row = line.row(answered)
        assert (row["ending"], row["kinds"], row["estimated"]) == ("error", ["bad_request"], 1)
        assert row["prompt_tokens"] > 0 and row["completion_tokens"] == 500, "it was made, and is paid for"
    line.upstream.script(Answer(completion("ok")))
    assert line.post(line.body(model, stream=False)).status == 200
