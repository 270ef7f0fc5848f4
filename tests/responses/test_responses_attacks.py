"""What a customer tries who wants more than is paid for, or what is another's."""

from __future__ import annotations

from typing import Any

import pytest
from responses_wire import NATIVE, TOOL, Hall, native_plain

pytestmark = pytest.mark.slow

LONG = "x" * 300_000
ASK: Any = {"role": "user", "content": "Hi"}
UNMEASURED: dict[str, dict[str, Any]] = {
    "what a hosted tool found": {
        "input": [
            {"type": "mcp_call", "id": "mcp_1", "name": "a", "server_label": "b", "arguments": "{}", "output": LONG},
            ASK,
        ]
    },
    "reasoning without a proof of its own": {
        "input": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": LONG}], "encrypted_content": ""},
            ASK,
        ]
    },
    "a proof": {"input": [{"type": "reasoning", "summary": [], "encrypted_content": LONG}, ASK]},
    "a member of a message that nobody knows": {"input": [{**ASK, "notes": LONG}]},
    "a member of a part that nobody knows": {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi", "notes": LONG}]}]
    },
    "tools that may not be called now": {
        "input": "Hi",
        "tools": [TOOL, {**TOOL, "name": "other", "description": LONG}],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": TOOL["name"]}],
        },
    },
    "tools of one name": {"input": "Hi", "tools": [{**TOOL, "description": LONG}, TOOL]},
    "what a namespace is": {
        "input": "Hi",
        "tools": [{"type": "namespace", "name": "n", "description": LONG, "tools": [TOOL]}],
    },
}


def short(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: short(one) for name, one in value.items()}
    return [short(one) for one in value] if isinstance(value, list) else "abc" if value == LONG else value


@pytest.fixture(scope="module")
def small_key(running_hall: Hall) -> str:
    account = running_hall.gateway.router("accounts", "create", "small")["id"]
    running_hall.gateway.router("credits", "grant", account, "0.2", "--reason", "test")
    made: str = running_hall.gateway.router("keys", "create", "--account", account)["api_key"]
    return made


@pytest.mark.parametrize("what", UNMEASURED)
def test_what_only_the_native_lane_passes_on_is_held_for(hall: Hall, small_key: str, what: str) -> None:
    common = {"model": NATIVE, "max_output_tokens": 50}
    hall.upstream.script(native_plain("Yes."))
    assert hall.post({**common, **short(UNMEASURED[what])}, key=small_key).status_code == 200
    sent = len(hall.upstream.requests)
    answer = hall.post({**common, **UNMEASURED[what]}, key=small_key)
    assert answer.status_code in (400, 402) and len(hall.upstream.requests) == sent, answer.text[:300]


def test_files_that_are_named_beside_those_that_are_sent_go_nowhere(hall: Hall) -> None:
    hall.upstream.script(native_plain("Yes."))
    picture = {"type": "input_image", "image_url": "https://x/a.png", "file_id": "file-of-another"}
    assert hall.post({"model": NATIVE, "input": [{"role": "user", "content": [picture]}]}).status_code == 200
    (item,) = hall.upstream.last.json()["input"]
    assert item["content"] == [{"type": "input_image", "image_url": "https://x/a.png"}]


def test_one_item_is_referred_to_once(hall: Hall) -> None:
    hall.upstream.script(native_plain("Yes."))
    kept = hall.post({"model": NATIVE, "input": "Hi"}).json()
    reference = {"type": "item_reference", "id": kept["output"][0]["id"]}
    answer = hall.post({"model": NATIVE, "input": [*[reference] * 1000, ASK]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "duplicate_item")


@pytest.mark.parametrize("lane", [NATIVE, "chatting/gpt-4o"])
def test_names_of_what_is_left_out_fit_a_header(hall: Hall, lane: str) -> None:
    searched = [{"type": "web_search_call", "id": f"ws_{number}", "status": "completed"} for number in range(5000)]
    hall.upstream.script(native_plain("Yes."))
    answer = hall.post({"model": lane, "input": [*searched, ASK]})
    assert len(answer.headers.get("x-router-dropped-params", "")) < 4096
