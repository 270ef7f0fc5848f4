"""The native lane: what Anthropic's own API is sent and says, byte for byte, but for the model's name."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest
from messages_wire import ASK, NATIVE, TOOL, Room, events_in

from router.testing import Answer, ScriptedUpstream, Stream
from router.testing.upstream.wires.anthropic import ANTHROPIC, event, events, message, thinking, tool_use

pytestmark = pytest.mark.slow

THEIRS = ANTHROPIC.model
ASKED = {"model": NATIVE, "max_tokens": 64, "messages": ASK}
BASH = {"type": "bash_20250124", "name": "bash"}
SIGNED = [thinking("Hm.", "sig=="), {"type": "redacted_thinking", "data": "secret"}, {"type": "text", "text": "So."}]
ODD = [
    event("brand_new_event", odd=[1, 2.50, None]),
    b'event: content_block_delta\ndata: {"index":0, "delta":{"type":"text_delta","text":"\\u00e9\\ud83d\\ude00 1.0e5"},'
    b'"type":"content_block_delta"}\n\n',
]


def text_events() -> list[bytes]:
    """A stream with an event that nobody knows, and one that is written oddly."""
    made = events([{"type": "text", "text": ""}, {"type": "text_delta", "text": "Forty-two"}])
    return [*made[:3], *ODD, *made[3:]]


def test_a_stream_passes_byte_for_byte_but_for_the_model(room: Room) -> None:
    sent = text_events()
    room.upstream.script(Stream(sent, done=False))
    answer = room.post({**ASKED, "stream": True})
    wanted = [(name, data) for one in sent for name, data in events_in(one)]
    wanted[0] = (wanted[0][0], wanted[0][1].replace(f'"{THEIRS}"'.encode(), f'"{NATIVE}"'.encode()))
    assert list(events_in(answer.content)) == wanted
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize("size", [1, 7, 64])
def test_however_the_stream_is_cut_into_packets(room: Room, size: int) -> None:
    room.upstream.script(Stream(text_events(), done=False), Stream(text_events(), done=False, write_size=size))
    whole, cut = (room.post({**ASKED, "stream": True}) for _ in range(2))
    assert whole.content == cut.content


def test_a_plain_answer_passes_byte_for_byte_but_for_the_model(room: Room) -> None:
    text = json.dumps(message(*SIGNED, brand_new={"a": [1.0, 1e5]}), indent=1)
    room.upstream.script(Answer(text.encode()))
    answer = room.post(ASKED)
    assert answer.text == text.replace(f'"model": "{THEIRS}"', f'"model": "{NATIVE}"')


def test_a_request_passes_with_cache_marks_thinking_and_signatures(room: Room) -> None:
    body: dict[str, Any] = {
        **ASKED,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cch=1;"},
            {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}},
        ],
        "messages": [
            *ASK,
            {"role": "assistant", "content": [*SIGNED, tool_use(1, "weather", '{"a":1}')]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}]},
        ],
        "tools": [
            {**TOOL, "cache_control": {"type": "ephemeral", "ttl": "5m"}},
            {"type": "bash_20250124", "name": "bash"},
        ],
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
        "output_config": {"effort": "high"},
        "top_k": 5,
        "brand_new": {"deep": [None]},
    }
    room.upstream.script(ANTHROPIC.plain("So."))
    answer = room.post(body)
    assert answer.status_code == 200, answer.text
    assert room.upstream.last.json() == {**body, "model": THEIRS}
    assert room.upstream.last.path == "/v1/messages"
    assert "x-router-dropped-params" not in answer.headers


def test_who_asks_and_who_pays_is_not_the_clients_to_say(room: Room) -> None:
    headers = {
        "anthropic-beta": "context-management-2025-06-27, compact-2026-01-12,server-side-fallback-x",
        "anthropic-version": "2026-10-21",
        "anthropic-workspace-id": "w",
        "anthropic-user-profile-id": "u",
    }
    room.upstream.script(ANTHROPIC.plain("A"), ANTHROPIC.plain("B"))
    answer = room.post({**ASKED, "metadata": {"user_id": "ann", "more": 1}, "workspace_id": "w"}, headers=headers)
    first = room.upstream.last
    assert first.headers["anthropic-beta"] == "context-management-2025-06-27"
    assert first.headers["anthropic-version"] == "2026-10-21"
    assert first.headers["x-api-key"] == "sk-anthropic-secret"
    assert not {"anthropic-workspace-id", "anthropic-user-profile-id", "authorization"} & set(first.headers)
    sent = first.json()
    assert sent["metadata"]["user_id"] not in ("ann", "", None)
    assert sent["metadata"]["more"] == 1
    assert "workspace_id" not in sent
    assert answer.headers["x-router-dropped-params"] == "workspace_id"
    room.post({**ASKED, "metadata": {"user_id": "ann"}})
    assert room.upstream.last.json()["metadata"]["user_id"] == sent["metadata"]["user_id"]
    assert room.upstream.last.headers["anthropic-version"] == "2023-06-01"


def test_pings_of_the_upstream_pass_and_ours_come_between(room: Room) -> None:
    made = text_events()
    room.upstream.script(Stream([*made[:6], 0.4, *made[6:]], done=False))
    answer = room.post({**ASKED, "stream": True})
    assert [name for name, _ in events_in(answer.content)].count("ping") > 1


@pytest.mark.parametrize("sent", [1, 6])
def test_an_error_in_a_stream_before_and_after_output(room: Room, sent: int) -> None:
    failed = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    room.upstream.script(Stream([*text_events()[:sent], failed], done=False))
    answer = room.post({**ASKED, "model": f"spare{sent}/{THEIRS}", "stream": True})
    if sent == 1:
        assert answer.status_code == 529
        error = answer.json()
    else:
        name, data = list(events_in(answer.content))[-1]
        assert name == "error"
        error = json.loads(data)
    assert error["error"]["type"] == "overloaded_error"
    assert error["request_id"] == answer.headers["request-id"]


def test_a_stream_that_is_cut_ends_with_an_error(room: Room) -> None:
    room.upstream.script(Stream(text_events()[:6], done=False))
    answer = room.post({**ASKED, "model": f"cut/{THEIRS}", "stream": True})
    name, data = list(events_in(answer.content))[-1]
    assert (name, json.loads(data)["error"]["type"]) == ("error", "api_error")
    assert b"message_stop" not in answer.content


# What the SDK makes of streams that are framed wrongly: that it takes ours proves something.


def broken(fault: str) -> list[bytes]:
    made = events([{"type": "text", "text": ""}, {"type": "text_delta", "text": "A"}])
    match fault:
        case "nothing":
            return made
        case "no message_start":
            return made[1:]
        case "no content_block_start":
            return [one for one in made if b"content_block_start" not in one]
        case "a gap in the index":
            return [one.replace(b'"index":0', b'"index":1') for one in made]
        case "no usage at the end":
            return [one.replace(b',"usage":{"output_tokens":90}', b"") for one in made]
        case _:  # thinking within a block of text
            return [one.replace(b'"type":"text_delta","text"', b'"type":"thinking_delta","thinking"') for one in made]


def helped(upstream: ScriptedUpstream, fault: str) -> str:
    upstream.script(Stream(broken(fault), done=False))
    url = upstream.url.removesuffix("/v1")
    with (
        anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client,
        client.messages.stream(model="m", max_tokens=9, messages=ASK) as stream,
    ):
        return "".join(getattr(block, "text", "") for block in stream.get_final_message().content)


def test_the_sdk_reads_what_is_framed_right(room: Room) -> None:
    assert helped(room.upstream, "nothing") == "A"


@pytest.mark.parametrize(
    "fault",
    ["no message_start", "no content_block_start", "a gap in the index", "no usage at the end", "thinking in text"],
)
def test_the_sdk_fails_or_loses_text_where_the_framing_is_broken(room: Room, fault: str) -> None:
    try:
        text = helped(room.upstream, fault)
    except (AssertionError, AttributeError, IndexError, RuntimeError):
        return
    assert text != "A"
