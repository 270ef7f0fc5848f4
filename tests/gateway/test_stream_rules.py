"""How a stream is read and what of it the client sees: line ends, pings, usage, model names, untouched bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from line_wire import Line, events, public, text

from router.testing import Stream, chunks, sse, stream, token_usage

WORDS = ("Grüße", " — 漢字", " 🎈", ' "quoted"\\', "\u2028")
USAGE = token_usage(9, 12)
ENVELOPE = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def delta(content: str = "x", **fields: Any) -> dict[str, Any]:
    return {**ENVELOPE, "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}], **fields}


def finish(**fields: Any) -> dict[str, Any]:
    return {**ENVELOPE, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **fields}


def shown(line: Line, script: Stream, **fields: Any) -> tuple[list[bytes], str]:
    """The payloads that a client gets of a stream that ends well, without ``[DONE]``; and the public model ID."""
    model = line.model()
    line.upstream.script(script)
    answered = line.post(line.body(model, **fields))
    assert (answered.status, answered.cut) == (200, False), answered.body
    *found, last = events(answered.body)
    assert last == b"[DONE]"
    return found, model


@pytest.mark.parametrize("write_size", [None, 1, 3], ids=["events", "bytes", "threes"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_every_line_end_cut_anywhere(line: Line, newline: str, write_size: int | None) -> None:
    sent = chunks(*WORDS)
    found, model = shown(line, Stream(sent, newline=newline, write_size=write_size))
    assert found == [public(chunk, model) for chunk in sent]


@pytest.mark.parametrize("joined", [False, True], ids=["apart", "joined"])
def test_mixed_line_ends(line: Line, joined: bool) -> None:
    sent = chunks(*WORDS)
    ends = ("\n", "\r\n", "\r")
    script = Stream([sse(chunk, ends[number % 3]) for number, chunk in enumerate(sent)], joined=joined)
    found, model = shown(line, script)
    assert found == [public(chunk, model) for chunk in sent]


def test_every_odd_way_to_write_an_event(line: Line) -> None:
    first, second, third, fourth = delta("a"), delta("b"), delta("c"), finish()
    spread = b"".join(b"data: %b\n" % part for part in json.dumps(third, indent=1).encode().split(b"\n"))
    odd = [
        b"\xef\xbb\xbf: a byte order mark and a comment\n\n",
        b": OPENROUTER PROCESSING\n\n",
        b":\n\n\n\n",
        b"event: ping\n\n",
        b'event: ping\ndata: {"type": "ping"}\n\n',
        b"data:\n\n",
        b"data\n\n",
        b"data: \n\n",
        b"id: 7\nretry: 10\nevent: message\n" + sse(first),
        b"data: {}\n\n",
        b"data:" + text(second) + b"\n\n",
        b": in the middle\n" + spread + b"\n",
        b'data: {"type": "ping"}\n\n',
        sse(fourth),
    ]
    found, model = shown(line, Stream(odd))
    assert [json.loads(one) for one in found] == [{**one, "model": model} for one in (first, second, third, fourth)]
    assert found[0] == public(first, model)


@pytest.mark.parametrize("framing", ["length", "chunked", "eof"])
@pytest.mark.parametrize("compressed", [False, True], ids=["identity", "gzip"])
def test_every_framing_and_gzip(line: Line, framing: Any, compressed: bool) -> None:
    sent = chunks(*WORDS)
    found, model = shown(line, Stream(sent, framing=framing, gzip=compressed))
    assert found == [public(chunk, model) for chunk in sent]


def test_the_headers_of_a_stream(line: Line) -> None:
    model = line.model()
    line.upstream.script(stream("Hello", headers={"x-request-id": "req_theirs", "x-secret": "1", "Server": "theirs"}))
    answered = line.post(line.body(model))
    headers = answered.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert headers["transfer-encoding"] == "chunked"
    assert answered.request_id.startswith("req_") and answered.request_id != "req_theirs"
    assert not {"content-encoding", "content-length", "x-secret", "server"} & headers.keys()
    assert (headers["x-router-provider"], headers["x-router-model"]) == (model.partition("/")[0], "m")
    assert "x-router-attempts" in headers


def test_a_client_that_asks_for_compression_gets_none(line: Line) -> None:
    line.upstream.script(stream("Hello"))
    client = line.gateway.client(default_headers={"Accept-Encoding": "gzip, br"})
    response = client.chat.completions.with_raw_response.create(**line.body())
    assert "content-encoding" not in response.headers
    assert line.upstream.last.headers.get("accept-encoding", "identity") == "identity"


# Usage.


def test_usage_is_asked_for_upstream_and_kept_for_the_row(line: Line) -> None:
    model = line.model()
    line.upstream.script(stream("Hello", include_usage=True))
    answered = line.post(line.body(model, stream_options={"include_obfuscation": False}))
    assert line.upstream.last.json()["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    row = line.row(answered)
    assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (9, 12, 0)
    assert (row["ending"], row["status"], row["streamed"], row["kinds"]) == ("ok", 200, 1, ["ok"])
    assert row["first_token_ms"] <= row["latency_ms"]


def test_the_usage_chunk_is_for_those_who_asked(line: Line) -> None:
    sent = chunks("Hello", include_usage=True)
    found, model = shown(line, Stream(sent), stream_options={"include_usage": True})
    assert found == [public(chunk, model) for chunk in sent]
    found, model = shown(line, Stream(sent))
    assert found == [public(chunk, model) for chunk in chunks("Hello")]


@pytest.mark.parametrize("first", ["id", "usage", "choices"])
@pytest.mark.parametrize(
    "extra", [{}, {"obfuscation": "aZ09"}, {"later": {"usage": None}}], ids=["", "padded", "field"]
)
def test_null_usage_is_hidden_wherever_it_stands(line: Line, first: str, extra: Mapping[str, Any]) -> None:
    def ordered(chunk: dict[str, Any], **usage: Any) -> dict[str, Any]:
        keep = {**chunk, **usage, **extra}
        return {first: keep[first], **keep} if first in keep else keep

    plain = [delta("a"), delta("b"), finish()]
    found, model = shown(line, Stream([ordered(chunk, usage=None) for chunk in plain]))
    expected = [ordered(chunk) for chunk in plain]
    assert found == [public(chunk, model) for chunk in expected]


def test_usage_on_the_last_chunk_is_hidden_or_shown_as_it_came(line: Line) -> None:
    script = Stream([delta("a"), finish(usage=USAGE)])
    found, model = shown(line, script)
    assert found == [public(delta("a"), model), public(finish(), model)]
    found, model = shown(line, script, stream_options={"include_usage": True})
    assert found[1] == public(finish(usage=USAGE), model)


def test_of_repeated_usage_the_last_counts(line: Line) -> None:
    line.upstream.script(
        Stream([delta("a", usage=token_usage(9, 1)), delta("b", usage=token_usage(9, 2)), finish(usage=USAGE)])
    )
    row = line.row(line.post(line.body()))
    assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (9, 12, 0)


def test_zeros_are_usage_and_no_usage_is_an_estimate(line: Line) -> None:
    line.upstream.script(Stream([delta("a"), finish(usage=token_usage(0, 0))]), stream(*["word "] * 40))
    row = line.row(line.post(line.body()))
    assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (0, 0, 0)
    row = line.row(line.post(line.body()))
    assert row["estimated"] == 1 and 40 <= row["completion_tokens"] <= 60 and row["prompt_tokens"] > 0


# The model's name, and everything else.


def test_every_chunk_shows_the_public_model(line: Line) -> None:
    nested = {"model": "m", "x": [{"model": "theirs"}]}
    sent: list[dict[str, Any]] = [
        {"trace": nested, **delta("a")},
        {"trace": nested, **delta("b"), "trace_after": nested},
        {**delta("c"), "id": "c2", "created": 2},
        {"model": "m", **delta("d"), "trace": nested},
        {**delta("e"), "model": "m-2026-08-01"},
        finish(),
    ]
    found, model = shown(line, Stream(sent))
    assert found == [public(chunk, model) for chunk in sent]


def test_a_chunk_without_a_model_gets_none(line: Line) -> None:
    bare = [{name: value for name, value in chunk.items() if name != "model"} for chunk in (delta("a"), finish())]
    found, _ = shown(line, Stream(bare))
    assert found == [text(chunk) for chunk in bare]


ODD_FIELDS = (
    b'"big":1e400,"small":-1E-400,"long":123456789012345678901234567890,"exact":1.10,"twice":1,"twice":2',
    b'"lone":"\\ud800","escaped":"\\u0041\\/","control":"\\u0000" , "spaced" : [ 1 , 2 ]',
    b'"error":null,"usage2":{"usage":{"prompt_tokens":1}}',
)


@pytest.mark.parametrize("odd", ODD_FIELDS, ids=["numbers", "texts", "nested"])
def test_unknown_fields_reach_the_client_as_they_came(line: Line, odd: bytes) -> None:
    bodies = [text(chunk)[:-1] + b"," + odd + b"}" for chunk in (delta("a"), delta("b"), finish())]
    found, model = shown(line, Stream([b"data: %b\n\n" % body for body in bodies]))
    assert found == [body.replace(b'"model":"m"', b'"model":"%b"' % model.encode()) for body in bodies]


def test_interleaved_tool_calls_through_the_sdk(line: Line) -> None:
    calls = [("weather", '{"city": "Bern"}'), ("time", '{"zone": "Zürich"}')]
    line.upstream.script(Stream(chunks(tool_calls=calls)))
    arguments = ["", ""]
    names = {}
    for chunk in line.gateway.client().chat.completions.create(**line.body()):
        for call in chunk.choices[0].delta.tool_calls or ():
            names[call.index] = call.function.name or names[call.index]
            arguments[call.index] += call.function.arguments
    assert names == {0: "weather", 1: "time"}
    assert arguments == [call[1] for call in calls]


def test_choices_logprobs_and_reasoning_through_the_sdk(line: Line) -> None:
    sent = chunks("Hello", " there", n=3, logprobs=True, top_logprobs=2, reasoning_content=["Let", " me"])
    line.upstream.script(Stream(sent))
    model = line.model()
    with line.gateway.client().chat.completions.create(**line.body(model, n=3, logprobs=True)) as response:
        found = [chunk.model_dump(exclude_unset=True) for chunk in response]
    assert found == [{**chunk, "model": model} for chunk in sent]


def test_streams_share_upstream_connections(line: Line) -> None:
    model = line.model()
    before = line.upstream.connections_total
    for _ in range(10):
        line.upstream.script(stream("Hello", framing="length"))
        line.post(line.body(model))
    assert line.upstream.connections_total - before == 1
