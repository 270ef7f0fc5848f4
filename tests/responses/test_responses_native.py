"""The native lane: bodies and events pass, but for what is the gateway's to say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from responses_wire import CALL, ID, NATIVE, TOOL, WIRES, Hall, events_in, native_events, native_plain, native_stream

from router.testing import Answer, Stream, completion

ASK = [{"role": "user", "content": "Hi"}]


def sent(hall: Hall) -> Any:
    return hall.upstream.requests[-1].json()


def test_the_body_passes_but_for_model_keeping_cap_and_names(hall: Hall) -> None:
    hall.upstream.script(native_plain("Yes."))
    custom = {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
    items = [
        *ASK,
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "theirs"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gw1:ours"},
        {"type": "reasoning", "id": "rs_3", "summary": []},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}], "phase": "final"},
        {"type": "additional_tools", "role": "developer", "tools": [custom, {"type": "image_generation"}]},
    ]
    body = {
        "model": NATIVE,
        "input": items,
        "tools": [TOOL, {"type": "image_generation"}],
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low"},
        "max_output_tokens": 99,
        "store": True,
        "prompt_cache_key": "mine",
        "prompt_cache_retention": "24h",
        "client_metadata": {"a": "b"},
        "metadata": {"k": "v"},
        "tomorrow": [1],
        "api_base": "https://elsewhere",
    }
    answer = hall.post(body)
    assert answer.status_code == 200, answer.text
    passed = sent(hall)
    assert hall.upstream.requests[-1].path.endswith("/responses")
    assert (passed["model"], passed["store"], passed["max_output_tokens"]) == ("gpt-4o", False, 99)
    assert passed["prompt_cache_key"] not in ("mine", None)
    assert [item.get("id") or item.get("type") for item in passed["input"]] == [
        None,
        "rs_1",
        "ws_1",
        "message",
        "additional_tools",
    ]
    assert passed["input"][-1]["tools"] == [custom] and passed["tools"] == [TOOL]
    assert passed["include"] == ["reasoning.encrypted_content"]
    for name in ("reasoning", "text", "metadata", "tomorrow"):
        assert passed[name] == body[name]
    gone = answer.headers["x-router-dropped-params"].split(", ")
    assert gone[:3] == ["api_base", "prompt_cache_retention", "client_metadata"]
    assert not {"client_metadata", "api_base", "prompt_cache_retention"} & passed.keys()


def test_the_answer_passes_under_the_public_model(hall: Hall) -> None:
    hall.upstream.script(native_plain("Yes.", calls=[CALL], proof="secret=="))
    got = hall.post({"model": NATIVE, "input": "x", "tools": [TOOL]}).json()
    assert (got["model"], got["id"], got["a_field_of_tomorrow"]) == (NATIVE, ID, {"kept": True})
    assert got["output"][0]["encrypted_content"] == "secret=="


@pytest.mark.parametrize("end", ["completed", "incomplete"])
def test_events_pass_as_they_came(hall: Hall, end: str) -> None:
    odd = b'event: response.of_tomorrow\ndata: {"type": "response.of_tomorrow",  "x" : 1}\n\n'
    made = native_events("A ", "b", calls=[CALL], end=end)
    hall.upstream.script(Stream([*made[:3], odd, *made[3:]], done=False))
    got = hall.post({"model": NATIVE, "input": "x", "stream": True}).content
    plain = b"".join([*made[:3], odd, *made[3:]])
    assert got == plain.replace(b'"gpt-4o-2024-08-06"', json.dumps(NATIVE).encode())
    assert events_in(got)[-1]["type"] == f"response.{end}"


def test_the_sdk_reads_the_stream(hall: Hall) -> None:
    hall.upstream.script(native_stream("A ", "b"))
    with hall.sdk() as client, client.responses.stream(model=NATIVE, input="x") as stream:
        assert stream.get_final_response().output_text == "A b"


FAILED: dict[str, Any] = {"type": "response.failed", "sequence_number": 9, "response": {"id": ID, "status": "failed"}}
LATE: dict[str, list[Any]] = {
    "failed": [{**FAILED, "response": {**FAILED["response"], "error": {"code": "server_error", "message": "Boom"}}}],
    "flat error": [{"type": "error", "code": "server_error", "message": "Boom", "sequence_number": 9}],
    "nested error": [{"error": {"message": "Boom", "type": "server_error"}}],
    "cut": [],
}


@pytest.mark.parametrize("how", LATE)
def test_a_stream_that_breaks_off_is_failed_with_what_there_was(hall: Hall, how: str) -> None:
    number = list(LATE).index(how) + 1
    id = f"resp_broken_off_{number}"
    made = native_events("A ", "b", calls=[CALL], id=id)
    place = next(number for number, one in enumerate(made) if b"output_item.done" in one) + 2
    hall.upstream.script(Stream([*made[:place], *LATE[how]], done=False))
    got = hall.post({"model": f"own{number}/gpt-4o", "input": "x", "stream": True})
    assert got.status_code == 200
    events = events_in(got.content)
    last = events[-1]
    assert last["type"] == "response.failed" and last["response"]["status"] == "failed"
    assert last["response"]["id"] == id and last["response"]["error"]["code"] == "server_error"
    assert [item["type"] for item in last["response"]["output"]] == ["message"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert hall.usage(got)["ending"] == "cut" and hall.verified()
    assert hall.ask("GET", f"/{id}").status_code == 404


def test_a_failure_before_output_is_a_status(hall: Hall) -> None:
    begun = native_events("A")[:2]
    hall.upstream.script(Stream([*begun, *LATE["failed"]], done=False))
    answer = hall.post({"model": "own5/gpt-4o", "input": "x", "stream": True})
    assert answer.status_code == 502 and answer.json()["error"]["type"]


def test_compatible_upstreams_speak_it_where_their_section_says_so(hall: Hall) -> None:
    hall.upstream.script(native_plain("Yes."))
    assert hall.post({"model": "spoken/gpt-4o", "input": "x"}).json()["id"] == ID
    assert hall.upstream.requests[-1].path.endswith("/responses")
    hall.upstream.script(Answer(completion("No.")))
    assert hall.post({"model": "chatting/gpt-4o", "input": "x"}).json()["id"] != ID
    assert hall.upstream.requests[-1].path.endswith("/chat/completions")


PROVEN = [
    *ASK,
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "theirs=="},
    {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
    *ASK,
]


def test_a_fallback_to_chat_takes_no_proof_along_and_is_one_charge(hall: Hall) -> None:
    hall.upstream.script(Answer.error(500), WIRES["deepseek"].plain("So."))
    answer = hall.post({"model": "first/gpt-4o", "input": PROVEN})
    assert answer.json()["output"][0]["content"][0]["text"] == "So."
    native, chat = (request.json() for request in hall.upstream.requests)
    assert native["input"] == PROVEN and "theirs==" not in json.dumps(chat)
    row = hall.usage(answer)
    assert [attempt["kind"] for attempt in row["attempts"]] == ["server", "ok"] and row["provider"] == "deepseek"
    assert hall.verified()


def test_a_fallback_from_chat_takes_no_proof_along_either(hall: Hall) -> None:
    hall.upstream.script(Answer.error(500), native_plain("So."))
    model = hall.model_of("anthropic").replace("anthropic/", "second/")
    answer = hall.post({"model": model, "input": PROVEN})
    assert answer.status_code == 200, answer.text
    chat, native = (request.json() for request in hall.upstream.requests)
    assert "messages" in chat and "theirs==" not in json.dumps(native)
    assert [item.get("id") for item in native["input"]] == [None, None, None]


def test_what_an_attempt_before_has_told_is_forgotten(hall: Hall) -> None:
    hall.upstream.script(
        Stream([*native_events("A")[:2], *LATE["failed"]], done=False), WIRES["deepseek"].stream("So.")
    )
    events = events_in(hall.post({"model": "first/gpt-4o", "input": "x", "stream": True}).content)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created" and events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["id"] != ID
