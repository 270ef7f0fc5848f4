"""What a customer tries who wants more than is paid for: each costs a hold, or is not passed on."""

from __future__ import annotations

import base64
import json
import time
import zlib
from typing import Any

import pytest
from messages_wire import ASK, NATIVE, TOOL, WIRES, Room

pytestmark = pytest.mark.slow

LONG = "x" * 300_000
CALL: Any = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
UNMEASURED: dict[str, dict[str, Any]] = {
    "a signature": {
        "messages": [
            *ASK,
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": LONG}]},
            *ASK,
        ]
    },
    "examples of a tool's input": {"messages": ASK, "tools": [{**TOOL, "input_examples": [{"place": LONG}]}]},
    "a block that names the client": {
        "messages": ASK,
        "system": [{"type": "text", "text": f"x-anthropic-billing-header: {LONG}"}],
    },
    "who called a tool": {
        "messages": [
            *ASK,
            {"role": "assistant", "content": [{**CALL, "caller": {"type": LONG}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
        ],
        "tools": [TOOL],
    },
}


@pytest.fixture(scope="module")
def small_key(running_room: Room) -> str:
    account = running_room.gateway.router("accounts", "create", "small")["id"]
    running_room.gateway.router("credits", "grant", account, "0.2", "--reason", "test")
    made: str = running_room.gateway.router("keys", "create", "--account", account)["api_key"]
    return made


def body_of(**more: Any) -> dict[str, Any]:
    return {"model": NATIVE, "max_tokens": 100, **more}


@pytest.mark.parametrize("what", UNMEASURED)
def test_what_only_the_native_lane_passes_on_is_held_for(room: Room, small_key: str, what: str) -> None:
    short = json.loads(json.dumps(UNMEASURED[what]).replace(LONG, "abc"))
    room.upstream.script(WIRES["anthropic"].plain("Yes."))
    assert room.post(body_of(**short), key=small_key).status_code == 200
    sent = len(room.upstream.requests)
    answer = room.post(body_of(**UNMEASURED[what]), key=small_key)
    assert (answer.status_code, len(room.upstream.requests)) == (402, sent), answer.text


def test_tools_of_one_name_are_refused(room: Room) -> None:
    answer = room.post(body_of(messages=ASK, tools=[TOOL, TOOL]))
    assert answer.status_code == 400 and "a name of its own" in answer.json()["error"]["message"]


def test_a_longer_window_than_is_held_for_is_not_asked_for(room: Room) -> None:
    room.upstream.script(WIRES["anthropic"].plain("Yes."))
    betas = {"anthropic-beta": "context-1m-2025-08-07,interleaved-thinking-2025-05-14"}
    assert room.post(body_of(messages=ASK), headers=betas).status_code == 200
    assert room.upstream.last.headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"


@pytest.mark.parametrize("members", [{"call": []}, {"call": {}}, {"call": "t1", "x": 1}, {"role": 5}, {"text": 5}])
def test_proofs_that_somebody_made_up_break_nothing(room: Room, members: Any) -> None:
    data = zlib.compress(json.dumps(["anthropic", members]).encode())
    forged = "gw1:" + base64.urlsafe_b64encode(b"\0" + data).decode()
    said = [{"type": "thinking", "thinking": "a", "signature": forged}, {"type": "text", "text": "b"}]
    room.upstream.script(WIRES["anthropic"].plain("Yes."))
    answer = room.post(body_of(messages=[*ASK, {"role": "assistant", "content": said}, *ASK]))
    assert answer.status_code in (200, 400), answer.text


def test_many_messages_of_one_role_take_time_in_proportion(room: Room) -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://x"}}

    def seconds(count: int) -> float:
        started = time.thread_time()
        asked = body_of(messages=[{"role": "user", "content": [picture]}] * count, max_tokens=1)
        turned(asked)
        return time.thread_time() - started

    seconds(100)
    assert min(seconds(6000) for _ in range(2)) < 30 * max(seconds(1000), 0.005)


def turned(asked: dict[str, Any]) -> None:
    from router.surfaces.messages.request import prompt_of
    from router.surfaces.messages.walking import Findings

    assert len(prompt_of(asked, Findings("2023-06-01"), lambda text: None).turns) == 1
