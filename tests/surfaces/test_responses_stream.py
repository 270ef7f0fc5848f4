"""Streams and answers of ``/v1/responses``, as the official SDK reads them; broken ones it must not take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import pytest
from openai import APIError, OpenAI
from openai.types.responses import ParsedResponse

from router.errors import RateLimited, RouterError, UpstreamError
from router.surfaces.canonical.tools import Tool, ToolNames
from router.surfaces.responses.face import ResponsesFace
from router.surfaces.responses.resource import Echo

HEAD = {"id": "chatcmpl-1", "created": 17, "model": "p/m", "object": "chat.completion.chunk"}
USAGE = {
    "prompt_tokens": 30,
    "completion_tokens": 12,
    "total_tokens": 42,
    "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
NAMES = ToolNames([Tool("get"), Tool("exec", "custom", "functions"), Tool("find", namespace="mcp")])
BLOCKS = [{"type": "thinking", "thinking": "Hm", "signature": "s"}]


def face() -> ResponsesFace:
    body = {"model": "p/m", "input": "x", "tools": [{"type": "function", "name": "get"}], "temperature": 0.5}
    echo = Echo(body, "resp_0a", "p/m", 1_700_000_000, stored=True)
    made = ResponsesFace(
        echo,
        NAMES,
        seal=lambda plugin, proof: f"gw1:{json.dumps(proof)}",
        said=lambda error: error.message,
        clock=lambda: 1_700_000_009.5,
    )
    made.serves("some")
    return made


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def call(index: int, arguments: str, id: str | None = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return chunk({"tool_calls": [{"index": index, "id": id, "function": function, **more}]})


END = {**HEAD, "choices": [], "usage": USAGE}
TEXT = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi "}), chunk({"content": "there"})]
STREAMS: dict[str, list[dict[str, Any]]] = {
    "text": [*TEXT, chunk({}, "stop"), END],
    "cut": [*TEXT, chunk({}, "length"), END],
    "filtered": [*TEXT, chunk({}, "content_filter"), END],
    "nothing": [chunk({"role": "assistant"}), chunk({}, "stop"), END],
    "reasoning": [
        chunk({"reasoning_content": "Hm"}),
        *TEXT,
        chunk({"reasoning": "So"}),
        chunk({"content": "!"}),
        chunk({"thinking_blocks": BLOCKS}, "stop"),
        END,
    ],
    "refusal": [chunk({"refusal": "I "}), chunk({"refusal": "won't"}), chunk({}, "stop"), END],
    "calls": [
        *TEXT,
        call(0, "", "call_a", "get"),
        call(1, '{"input":', "call_b", "exec"),
        call(0, '{"q":1}'),
        call(1, '"ls"}'),
        call(2, "{}", "call_c", "mcp__find", extra_content={"google": {"thought_signature": "t"}}),
        chunk({}, "tool_calls"),
        END,
    ],
    "no arguments": [call(0, "", "call_a", "get"), chunk({}, "stop"), END],
    "logprobs": [
        {**HEAD, "choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": {"content": [PROBABLE]}}]}
        for PROBABLE in [{"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}]
    ]
    + [chunk({}, "stop"), END],
    "cited": [*TEXT, chunk({"annotations": [{"type": "url_citation", "url_citation": {"url": "https://a"}}]}, "stop")],
    "no usage": [*TEXT, chunk({}, "stop")],
}


def streamed(chunks: Sequence[dict[str, Any]], error: RouterError | None = None) -> bytes:
    made = face()
    sent = b"".join(made.frames([json.dumps(one).encode()]) for one in chunks)
    return sent + (made.end_frame() if error is None else made.error_frame(error))


def events_in(sent: bytes) -> list[dict[str, Any]]:
    found = []
    for block in sent.decode().split("\n\n"):
        if block and not block.startswith(":"):
            name, data = block.split("\n")
            value = json.loads(data.removeprefix("data: "))
            assert name == f"event: {value['type']}"
            found.append(value)
    return found


def read_by_sdk(sent: bytes) -> ParsedResponse[Any]:
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, headers=headers, content=sent))
    http = httpx2.Client(transport=transport)
    client = OpenAI(api_key="k", base_url="http://x/v1", http_client=http, max_retries=0)
    with http, client.responses.stream(model="p/m", input="x") as stream:
        return stream.get_final_response()


def whole(name: str) -> dict[str, Any]:
    last = events_in(streamed(STREAMS[name]))[-1]
    return dict(last["response"])


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in ("cut", "filtered")])
def test_the_sdk_reads_every_stream_that_ends_well(name: str) -> None:
    told = whole(name)
    read = read_by_sdk(streamed(STREAMS[name]))
    assert read.status == "completed" and read.id == "resp_0a"
    assert [item.type for item in read.output] == [item["type"] for item in told["output"]]
    assert read.output_text == "".join(
        part["text"] for item in told["output"] for part in item.get("content", ()) if part["type"] == "output_text"
    )


@pytest.mark.parametrize("name", STREAMS)
def test_numbers_places_and_ids_hold_together(name: str) -> None:
    events = events_in(streamed(STREAMS[name]))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    begun = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.added"}
    ended = {event["output_index"]: event["item"] for event in events if event["type"] == "response.output_item.done"}
    assert list(begun) == list(range(len(begun))) and begun.keys() == ended.keys()
    assert all(begun[place]["id"] == ended[place]["id"] for place in begun)
    assert len({item["id"] for item in ended.values()}) == len(ended)
    last = events[-1]["response"]["output"]
    assert [{**item, "status": 0} for item in last] == [{**ended[place], "status": 0} for place in sorted(ended)]
    for event in events:
        if "item_id" in event:
            assert event["item_id"] == begun[event["output_index"]]["id"]


def plain(name: str) -> dict[str, Any]:
    """The same answer in one piece."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, dict[str, Any]] = {}
    finish = None
    for one in STREAMS[name]:
        for choice in one["choices"]:
            finish = choice.get("finish_reason") or finish
            delta = choice["delta"]
            message["content"] += delta.get("content") or ""
            for member in ("refusal", "reasoning_content", "thinking_blocks"):
                if delta.get(member):
                    message[member] = message.get(member, type(delta[member])()) + delta[member]
            for piece in delta.get("tool_calls", ()):
                known = calls.setdefault(piece["index"], {**piece, "function": {"arguments": ""}})
                known["function"]["arguments"] += piece["function"]["arguments"]
                known["function"] |= {key: value for key, value in piece["function"].items() if key == "name"}
    message["tool_calls"] = list(calls.values())
    usage = {"usage": USAGE} if name != "no usage" else {}
    return {**HEAD, "choices": [{"index": 0, "message": message, "finish_reason": finish}], **usage}


@pytest.mark.parametrize("name", ["text", "cut", "filtered", "nothing", "refusal", "calls", "no arguments", "no usage"])
def test_the_plain_answer_is_what_the_stream_ends_with(name: str) -> None:
    assert face().body(plain(name)) == whole(name)


@pytest.mark.parametrize("name", STREAMS)
def test_chunks_may_come_in_any_number_of_pieces(name: str) -> None:
    made = face()
    at_once = made.frames([json.dumps(one).encode() for one in STREAMS[name]]) + made.end_frame()
    assert at_once == streamed(STREAMS[name])


def test_usage_and_the_request_are_told() -> None:
    told = whole("text")
    assert told["usage"] == {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2},
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 42,
    }
    assert (told["temperature"], told["top_p"], told["store"], told["status"]) == (0.5, 1.0, True, "completed")
    assert (told["created_at"], told["completed_at"]) == (1_700_000_000, 1_700_000_009)
    assert told["tools"][0] == {
        "type": "function",
        "name": "get",
        "description": None,
        "parameters": None,
        "strict": None,
    }


@pytest.mark.parametrize(("name", "why"), [("cut", "max_output_tokens"), ("filtered", "content_filter")])
def test_a_cut_answer_is_incomplete(name: str, why: str) -> None:
    event = events_in(streamed(STREAMS[name]))[-1]
    told = event["response"]
    assert event["type"] == "response.incomplete" and told["status"] == "incomplete"
    assert told["incomplete_details"] == {"reason": why} and told["completed_at"] is None
    assert told["usage"]["output_tokens"] == 12 and told["output"][-1]["status"] == "incomplete"


def test_reasoning_is_items_of_its_own_with_proofs_sealed() -> None:
    items = whole("reasoning")["output"]
    assert [item["type"] for item in items] == ["reasoning", "message", "reasoning", "message", "reasoning"]
    assert items[0]["summary"] == [{"type": "summary_text", "text": "Hm"}]
    assert json.loads(items[0]["encrypted_content"].removeprefix("gw1:")) == {"text": "Hm"}
    assert items[4]["summary"] == [] and json.loads(items[4]["encrypted_content"][4:]) == {"thinking_blocks": BLOCKS}


def test_calls_have_the_names_that_the_client_gave_and_what_goes_back_with_them() -> None:
    items = whole("calls")["output"]
    shown = [
        {key: item.get(key) for key in ("type", "call_id", "name", "namespace", "arguments", "input")} for item in items
    ]
    assert shown[1:4] == [
        {
            "type": "function_call",
            "call_id": "call_a",
            "name": "get",
            "namespace": None,
            "arguments": '{"q":1}',
            "input": None,
        },
        {
            "type": "custom_tool_call",
            "call_id": "call_b",
            "name": "exec",
            "namespace": "functions",
            "arguments": None,
            "input": "ls",
        },
        {
            "type": "function_call",
            "call_id": "call_c",
            "name": "find",
            "namespace": "mcp",
            "arguments": "{}",
            "input": None,
        },
    ]
    kept = json.loads(items[4]["encrypted_content"].removeprefix("gw1:"))
    assert kept == {"calls": {"call_c": {"extra_content": {"google": {"thought_signature": "t"}}}}}
    kinds = [event["type"] for event in events_in(streamed(STREAMS["calls"]))]
    assert "response.custom_tool_call_input.delta" in kinds and "response.custom_tool_call_input.done" in kinds


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamError("server", "It broke."), "server_error"),
        (RateLimited("Slow down."), "rate_limit_exceeded"),
    ],
)
def test_a_failure_is_failed_with_what_there_was(error: RouterError, code: str) -> None:
    events = events_in(streamed([*STREAMS["calls"][:5]], error))
    told = events[-1]["response"]
    assert events[-1]["type"] == "response.failed" and told["status"] == "failed"
    assert told["error"] == {"code": code, "message": error.message}
    assert [item["status"] for item in told["output"]] == ["completed", "incomplete", "incomplete"]
    assert told["output"][0]["content"][0]["text"] == "Hi there"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_a_failure_before_anything_is_a_whole_stream_too() -> None:
    kinds = [event["type"] for event in events_in(face().error_frame(UpstreamError("server", "x")))]
    assert kinds == ["response.created", "response.in_progress", "response.failed"]


def without(kind: str) -> Iterator[bytes]:
    for block in streamed(STREAMS["reasoning"]).split(b"\n\n"):
        if kind.encode() not in block.partition(b"\n")[0]:
            yield block


@pytest.mark.parametrize(
    "kind", ["response.created", "response.output_item.added", "response.completed", "content_part.added"]
)
def test_the_sdk_takes_no_stream_that_lacks_something(kind: str) -> None:
    with pytest.raises((RuntimeError, IndexError, APIError)):
        read_by_sdk(b"\n\n".join(without(kind)))
