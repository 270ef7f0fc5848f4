"""What cannot be honoured is refused with the field and the remedy, before anything is charged or sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from responses_wire import NATIVE, Hall, sections

from router.testing import Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

OUTPUT = {"type": "function_call_output", "call_id": "call_nowhere", "output": "x"}
REFUSED: dict[str, tuple[Any, str]] = {
    "an unknown item": ({"input": [{"type": "compaction_trigger"}]}, "input[0].type"),
    "an unknown tool": ({"tools": [{"type": "teleport"}]}, "tools[0].type"),
    "a hosted tool": ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    "a result without its call": ({"input": [OUTPUT]}, "input[0]"),
    "an unknown answer before": ({"previous_response_id": "resp_nowhere"}, "previous_response_id"),
    "an unknown reference": ({"input": [{"type": "item_reference", "id": "rs_nowhere"}]}, "input[0]"),
    "a reference without its type": ({"input": [{"id": "rs_nowhere"}]}, "input[0]"),
    "a conversation": ({"conversation": "conv_1"}, "conversation"),
    "the background": ({"background": True}, "background"),
    "a stored prompt": ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    "truncation": ({"truncation": "auto"}, "truncation"),
    "a file of the provider's": ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
                                 "input[0].content[0].file_data"),
    "a tier without a price": ({"service_tier": "priority"}, "service_tier"),
    "a dearer mode": ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
    "chat's messages": ({"messages": [{"role": "user", "content": "x"}], "input": None}, "messages"),
    "no input": ({"input": None}, "input"),
    "a number for a text": ({"instructions": 3}, "instructions"),
    "a bad temperature": ({"temperature": 9}, "temperature"),
    "no cap": ({"max_output_tokens": 0}, "max_output_tokens"),
    "no model": ({"model": None}, "model"),
}  # fmt: skip


@pytest.mark.parametrize("lane", ["native", "translated"])
@pytest.mark.parametrize("what", REFUSED)
def test_refused(hall: Hall, what: str, lane: str) -> None:
    body, param = REFUSED[what]
    model = NATIVE if lane == "native" else hall.model_of("deepseek")
    answer = hall.post({"model": model, "input": "Hi", **body})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request_error") and error["message"]
    assert not hall.upstream.requests


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"input": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_body_is_refused(hall: Hall, data: bytes) -> None:
    assert hall.post(data).status_code == 400


HOSTILE: list[Any] = [None, True, 3, -1.5, "x", [], {}, [[]], [{}], {"type": []}, [{"type": {}}], "\ud800", [None]]
FIELDS = (
    "input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "metadata", "previous_response_id",
    "store", "stream", "max_output_tokens", "top_logprobs", "user", "parallel_tool_calls", "model",
)  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_no_value_of_a_field_is_a_fault_of_ours(hall: Hall, field: str) -> None:
    for value in HOSTILE:
        for wrapped in (value, [{"role": "user", "content": value}], {"format": value}, {"type": "x", "tools": value}):
            body = json.dumps({"model": "echo/echo", "input": "x", "max_output_tokens": 4, field: wrapped}).encode()
            assert hall.post(body).status_code in (200, 400, 404), (field, wrapped)


def test_tools_that_the_operator_leaves_out_are_named(hall: Hall) -> None:
    answer = hall.post({"model": "echo/echo", "input": "x", "tools": [{"type": "image_generation"}]})
    assert answer.headers["x-router-dropped-params"] == "tools[0] (image_generation)"


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    folder = tmp_path_factory.mktemp("forgetful")
    config = {"responses": {"store": False}}
    with (
        ScriptedUpstream() as upstream,
        Gateway(folder, providers=sections(upstream), config=config, billing=False) as gateway,
    ):
        yield Hall(gateway, upstream)


def test_a_gateway_that_keeps_nothing_says_so(forgetful: Hall) -> None:
    made = forgetful.post({"model": "echo/echo", "input": "x", "store": True}).json()
    assert made["store"] is False
    assert forgetful.ask("GET", f"/{made['id']}").status_code == 404
    for body, param in (
        ({"previous_response_id": made["id"]}, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": made["output"][0]["id"]}]}, "input[0]"),
    ):
        answer = forgetful.post({"model": "echo/echo", "input": "x", **body})
        error = answer.json()["error"]
        assert (answer.status_code, error["param"]) == (400, param) and "'store' false" in error["message"]


def test_a_web_socket_is_a_426_and_a_plain_get_a_405(hall: Hall) -> None:
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    answer = hall.ask("GET", headers=asked)
    assert "/v1/responses" in answer.json()["error"]["message"]
    assert answer.status_code == 426
    plain = hall.ask("GET")
    assert (plain.status_code, plain.headers["allow"]) == (405, "POST")


def test_codex_finds_the_list_that_it_looks_for(hall: Hall) -> None:
    listed = hall.ask("GET", "/../models?client_version=0.171.0").json()
    assert listed["models"] == [] and listed["data"]
    assert "models" not in hall.ask("GET", "/../models").json()


def test_counting_tokens_sends_and_charges_nothing(hall: Hall) -> None:
    before = len(hall.gateway.router("usage", "show", "--limit", "1000"))
    short, long = (
        hall.post({"model": NATIVE, "input": text}, "/input_tokens").json()["input_tokens"]
        for text in ("x", "x" * 4000)
    )
    assert long > 900 > 100 > short >= 1
    assert hall.post({"model": NATIVE, "input": 3}, "/input_tokens").status_code == 400
    assert not hall.upstream.requests and len(hall.gateway.router("usage", "show", "--limit", "1000")) == before
