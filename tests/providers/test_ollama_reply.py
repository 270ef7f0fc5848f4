"""Ollama's lines as chunks: any cut of the bytes gives the same answer, and whatever comes is said or refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from router_plugins.ollama import plugin
from router_plugins.ollama.reply import Chat, Lines, embeddings_list, plain_item

from router import Reply, UpstreamError
from router.testing.upstream.wires.ollama import OLLAMA, line, native_call
from router.upstream.failures import Failure
from router.upstream.wire import usage_of

ANSWER = [
    line({"thinking": "hm \u2603"}),
    line({"content": "forty\r\n"}),
    line({"content": "\u2028-two", "thinking": "and"}),
    line({"tool_calls": [native_call("f", {"a": [1, "\u2603"]}, None)]}),
    line({"tool_calls": [native_call("g", {}, "own"), native_call("h", None, "other")]}),
    line(done=True, done_reason="stop", prompt_eval_count=26, eval_count=298),
]


class Body:
    """A response whose body comes in these pieces."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self._pieces = pieces

    def chunks(self) -> Iterator[bytes]:
        return (piece for piece in self._pieces if piece)

    def read(self, limit_bytes: int) -> bytes:
        return b"".join(self._pieces)

    def close(self) -> None:
        pass


def batches(*pieces: bytes) -> tuple[list[Sequence[Any]], bool]:
    """What the pieces make: decoded chunks by batch, and whether the stream was said to be over."""
    lines = Lines(Body(pieces), Chat("req_1", "m"), 2**20)
    lines.reply = Reply(
        lines,
        read_usage=lambda value: usage_of(value.get("usage")),
        read_error=lambda value: UpstreamError("server", "x"),
    )
    got = [[json.loads(item.data) for item in batch] for batch in lines]
    return got, lines.reply.ended


def chunks(*pieces: bytes) -> list[Any]:
    return [chunk for batch in batches(*pieces)[0] for chunk in batch]


def message(got: list[Any]) -> dict[str, Any]:
    """All deltas of a stream joined, generated IDs left out."""
    deltas = [choice["delta"] for chunk in got for choice in chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    return {
        "content": "".join(delta.get("content") or "" for delta in deltas),
        "reasoning": "".join(delta.get("reasoning_content") or "" for delta in deltas),
        "calls": [(call["index"], call["function"]["name"], call["function"]["arguments"]) for call in calls],
        "finish": [choice["finish_reason"] for chunk in got for choice in chunk["choices"]][-1],
        "usage": got[-1].get("usage"),
    }


WHOLE = {
    "content": "forty\r\n\u2028-two",
    "reasoning": "hm \u2603and",
    "calls": [(0, "f", '{"a":[1,"\u2603"]}'), (1, "g", "{}"), (2, "h", "{}")],
    "finish": "tool_calls",
    "usage": {"prompt_tokens": 26, "completion_tokens": 298, "total_tokens": 324},
}


@given(st.lists(st.integers(0, sum(map(len, ANSWER))), max_size=12), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_any_cut_of_the_bytes_gives_the_same_answer(cuts: list[int], newline: bytes) -> None:
    text = b"".join(ANSWER).replace(b"\n", newline)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(edges)]
    assert message(chunks(*pieces)) == WHOLE


def test_what_came_together_is_one_batch() -> None:
    assert len(batches(b"".join(ANSWER))[0]) == 1
    assert len(batches(*ANSWER)[0]) == len(ANSWER)


def test_a_last_line_without_its_newline_is_whole_and_half_a_line_is_a_cut() -> None:
    text = b"".join(ANSWER)
    assert batches(text[:-1])[1] is True
    assert message(chunks(text[:-1])) == WHOLE
    for end in (len(text) - 2, len(text) - len(ANSWER[-1]), len(text) - len(ANSWER[-1]) - 1):
        got, ended = batches(text[:end])
        assert ended is False
        assert all(choice["finish_reason"] is None for batch in got for chunk in batch for choice in chunk["choices"])


def test_every_chunk_begins_alike_so_that_the_gateway_need_not_decode_it() -> None:
    lines = Lines(Body(ANSWER), Chat("req_1", "m"), 2**20)
    data = [item.data for batch in lines for item in batch]
    head = data[0][: data[0].index(b'"m"')]
    assert all(one.startswith(head) for one in data)


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({"done_reason": "stop"}, "stop"),
        ({"done_reason": "length"}, "length"),
        ({"done_reason": "load"}, "stop"),
        ({"done_reason": ""}, "stop"),
        ({}, "stop"),
    ],
)
def test_how_an_answer_ends(fields: dict[str, Any], finish: str) -> None:
    assert message(chunks(line({"content": "x"}), line(done=True, **fields)))["finish"] == finish
    assert Chat("r", "m").body({"message": {"content": "x"}, **fields})["choices"][0]["finish_reason"] == finish


def test_content_beside_the_counters_is_not_lost() -> None:
    got = chunks(line({"content": "x"}, done=True, done_reason="stop", eval_count=1))
    assert (message(got)["content"], len(got)) == ("x", 3)
    assert got[0]["choices"][0]["delta"] == {"role": "assistant", "content": "x"}


def test_a_whole_body_says_what_the_stream_says() -> None:
    said = {"content": "forty-two", "thinking": "hm", "tool_calls": [native_call("f", {"a": 1}, "c1")]}
    body = Chat("req_1", "m").body({"message": said, "done": True, "prompt_eval_count": 1})
    [choice] = body["choices"]
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("forty-two", "hm")
    assert (choice["message"]["tool_calls"], choice["finish_reason"]) == ([call], "tool_calls")
    assert body["usage"] == {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}


@pytest.mark.parametrize("tail", [b"<html>\n", b"7\n", b"null\n", b'{"error":"model failed"}\n'])
def test_what_is_no_line_of_an_answer_is_handed_over_as_it_came(tail: bytes) -> None:
    lines = Lines(Body([line({"content": "x"}) + tail]), Chat("r", "m"), 2**20)
    [batch] = list(lines)
    assert batch[-1].data == tail.strip()


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(UpstreamError, match="A line of the provider's stream is longer"):
        batches(*[b"x" * 2**20] * 40)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**60) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["message", "content", "thinking", "tool_calls", "function", "name", "arguments", "id", "x"]
            )
            | st.sampled_from(["done", "logprobs", "token", "top_logprobs", "eval_count", "prompt_eval_count"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=4))
def test_whatever_comes_is_chunks_or_an_upstreams_failure(values: list[Any]) -> None:
    text = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    try:
        chunks(text)
        plain_item(text, Chat("r", "m").body)
    except UpstreamError as error:
        assert error.kind == "malformed"


@pytest.mark.parametrize(
    ("vectors", "as_base64"),
    [
        (None, False),
        ([], False),
        ([[1.0]], False),
        ([[1.0], [2.0], [3.0]], False),
        ([[1.0], 2.0], False),
        ([[1.0], ["x"]], True),
        ([[1.0], [1e300]], True),
        ([[1.0], [None]], True),
    ],
)
def test_vectors_that_are_none(vectors: Any, as_base64: bool) -> None:
    with pytest.raises(UpstreamError) as caught:
        embeddings_list({"embeddings": vectors}, model="m", count=2, as_base64=as_base64)
    assert caught.value.kind == "malformed"


def test_a_number_that_json_does_not_have() -> None:
    with pytest.raises(UpstreamError) as caught:
        plain_item(b'{"embeddings":[[NaN]]}', lambda value: embeddings_list(value, model="m", count=1, as_base64=False))
    assert caught.value.kind == "malformed"


def test_vectors_without_a_count_have_no_usage() -> None:
    assert "usage" not in embeddings_list({"embeddings": [[1.0]]}, model="m", count=1, as_base64=False)


@pytest.mark.parametrize("row", OLLAMA.errors, ids=lambda row: row.name)
def test_the_kinds_of_documented_errors(row: Any) -> None:
    assert plugin.kind(Failure(row.status, row.body["error"])) == row.kind


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (200, "unexpected EOF", "server"),
        (400, "model is required", "bad_request"),
        (404, "", "not_found"),
        (429, "this model does not support that many calls", "rate_limit"),
        (501, "this model does not support embeddings", "bad_request"),
        (418, "", "bad_request"),
    ],
)
def test_the_kinds_of_others(status: int, text: str, kind: str) -> None:
    assert plugin.kind(Failure(status, text)) == kind
