"""What is kept of answers: turns that build on one another through any provider, for one account, for a time."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from responses_wire import CALL, ID, NATIVE, TOOL, WIRES, Hall, events_in, native_plain, native_stream

from router.testing.upstream.wires.anthropic import ANTHROPIC, SIGNATURE

pytestmark = pytest.mark.slow

ECHO = "echo/echo"


def said(answer: Any) -> str:
    return str(answer.json()["output"][-1]["content"][0]["text"])


def test_a_chain_goes_through_any_provider_and_each_turn_sees_all_before(hall: Hall) -> None:
    first = hall.post({"model": ECHO, "input": "One", "instructions": "Not inherited."}).json()
    hall.upstream.script(WIRES["deepseek"].plain("Two."))
    body = {"model": hall.model_of("deepseek"), "input": "And?", "previous_response_id": first["id"]}
    second = hall.post(body).json()
    hall.upstream.script(native_plain("Three."))
    third = hall.post({"model": NATIVE, "input": "So?", "previous_response_id": second["id"]}).json()
    assert (second["previous_response_id"], first["store"], third["id"]) == (first["id"], True, ID)
    chat, native = (request.json() for request in hall.upstream.requests)
    assert [(one["role"], one["content"]) for one in chat["messages"]] == [
        ("user", "One"),
        ("assistant", "One"),
        ("user", "And?"),
    ]
    assert [item.get("role") for item in native["input"]] == ["user", "assistant", "user", "assistant", "user"]
    assert native["store"] is False and "previous_response_id" not in native
    fourth = hall.post({"model": ECHO, "input": "Done", "previous_response_id": ID})
    assert fourth.status_code == 200 and fourth.json()["previous_response_id"] == ID


def test_streams_are_kept_as_plain_answers_are(hall: Hall) -> None:
    hall.upstream.script(native_stream("A ", "b", id="resp_streamed"))
    for model in (ECHO, "own0/gpt-4o"):
        events = events_in(hall.post({"model": model, "input": "x", "stream": True}).content)
        told = events[-1]["response"]
        assert hall.ask("GET", f"/{told['id']}").json() == told


def test_references_mean_what_was_there(hall: Hall) -> None:
    hall.upstream.script(WIRES["anthropic"].plain("Yes.", reasoning=["Hm."], tool_calls=[CALL]))
    first = hall.post({"model": hall.model_of("anthropic"), "input": "x", "tools": [TOOL]}).json()
    call = next(item for item in first["output"] if item["type"] == "function_call")
    references = [{"type": "item_reference", "id": item["id"]} for item in first["output"] if item is not call]
    hall.upstream.script(WIRES["anthropic"].plain("Sunny."))
    again = [
        {"role": "user", "content": "x"},
        *references,
        {**call, "status": None},
        {"type": "function_call_output", "call_id": call["call_id"], "output": "20 degrees"},
    ]
    second = hall.post({"model": hall.model_of("anthropic"), "input": again, "tools": [TOOL]})
    assert said(second) == "Sunny."
    sent = hall.upstream.requests[-1].json()["messages"]
    assert [block["type"] for block in sent[1]["content"]] == ["thinking", "text", "tool_use"]
    assert sent[1]["content"][0]["signature"] == SIGNATURE
    assert sent[2]["content"][0]["type"] == "tool_result"


def test_a_replayed_proof_is_for_its_account_and_model_alone(hall: Hall) -> None:
    hall.upstream.script(WIRES["anthropic"].plain("Yes.", reasoning=["Hm."]))
    asked = {"model": hall.model_of("anthropic"), "input": "x", "store": False}
    output = hall.post(asked).json()["output"]
    turn = [{"role": "user", "content": "x"}, *output, {"role": "user", "content": "y"}]
    for model, key, goes in (
        (hall.model_of("anthropic"), None, True),
        (hall.model_of("anthropic"), hall.other_key("prover"), False),
        (hall.model_of("deepseek"), None, False),
    ):
        plugin = model.partition("/")[0]
        hall.upstream.script(WIRES[plugin].plain("So."))
        assert hall.post({"model": model, "input": turn, "store": False}, key=key).status_code == 200
        assert (SIGNATURE in hall.upstream.requests[-1].body.decode()) is goes
    assert ANTHROPIC.model in hall.model_of("anthropic")


def test_an_answer_can_be_read_listed_and_deleted_by_its_account_alone(hall: Hall) -> None:
    items = [{"role": "user", "content": text} for text in ("a", "b", "c")]
    made = hall.post({"model": ECHO, "input": items, "metadata": {"k": "v"}}).json()
    path = f"/{made['id']}"
    assert hall.ask("GET", path).json() == made and made["metadata"] == {"k": "v"}
    page = hall.ask("GET", f"{path}/input_items?limit=2").json()
    assert [item["content"] for item in page["data"]] == ["c", "b"] and page["has_more"]
    after = f"{path}/input_items?order=asc&after={page['last_id']}"
    assert [item["content"] for item in hall.ask("GET", after).json()["data"]] == ["c"]
    with hall.sdk() as client:
        assert client.responses.retrieve(made["id"]).output_text == "c"
        assert len(client.responses.input_items.list(made["id"]).data) == 3
    stranger = hall.other_key("stranger")
    for method, place in (("GET", path), ("GET", f"{path}/input_items"), ("DELETE", path)):
        foreign = hall.ask(method, place, stranger)
        unknown = hall.ask(method, place.replace(made["id"], "resp_nowhere_at_all"), stranger)
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json()["error"]["code"] == "response_not_found"
    chained = hall.post({"model": ECHO, "input": "x", "previous_response_id": made["id"]}, key=stranger)
    assert (chained.status_code, chained.json()["error"]["code"]) == (400, "previous_response_not_found")
    assert hall.ask("DELETE", path).json() == {"id": made["id"], "object": "response", "deleted": True}
    assert hall.ask("GET", path).status_code == hall.ask("DELETE", path).status_code == 404


def test_what_a_client_does_not_want_kept_is_not(hall: Hall) -> None:
    made = hall.post({"model": ECHO, "input": "x", "store": False}).json()
    assert made["store"] is False and hall.ask("GET", f"/{made['id']}").status_code == 404


def test_what_is_too_large_is_not_kept_and_says_so(hall: Hall) -> None:
    made = hall.post({"model": ECHO, "input": [{"role": "user", "content": "x" * 4_200_000}, *TINY]}).json()
    assert made["store"] is False and hall.ask("GET", f"/{made['id']}").status_code == 404


TINY = [{"role": "user", "content": "tiny"}]


def test_an_answer_expires(hall: Hall) -> None:
    made = hall.post({"model": ECHO, "input": "x"}).json()
    with sqlite3.connect(hall.gateway.folder / "router.db", timeout=20) as database:
        database.execute("UPDATE responses SET expires_at = 1 WHERE id = ?", (made["id"],))
    gone = hall.post({"model": ECHO, "input": "y", "previous_response_id": made["id"]})
    assert (gone.status_code, gone.json()["error"]["param"]) == (400, "previous_response_id")
    assert hall.ask("GET", f"/{made['id']}").status_code == 404


def test_chained_input_is_held_and_charged(hall: Hall) -> None:
    first = hall.post({"model": ECHO, "input": "word " * 4000}).json()
    hall.upstream.script(WIRES["deepseek"].plain("So."))
    body = {"model": hall.model_of("deepseek"), "input": "x", "previous_response_id": first["id"]}
    poor = hall.gateway.router("accounts", "create", "chained")["id"]
    key = hall.gateway.router("keys", "create", "--account", poor)["api_key"]
    assert hall.post({**body, "previous_response_id": None}, key=key).status_code == 402
    answer = hall.post(body)
    assert answer.status_code == 200 and len(hall.upstream.requests[-1].body) > 40_000


@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_the_sdks_turns_build_on_one_another(hall: Hall, mode: str) -> None:
    with hall.sdk() as client:
        previous: Any = None
        for text in ("one", "two", "three"):
            asked: Any = {"model": ECHO, "input": text, "previous_response_id": previous}
            if mode == "plain":
                made = client.responses.create(**asked)
            else:
                with client.responses.stream(**{name: value for name, value in asked.items() if value}) as stream:
                    made = stream.get_final_response()
            assert made.output_text == text and made.previous_response_id == previous
            previous = made.id
        listed = client.responses.input_tokens.count(model=ECHO, input="x", previous_response_id=previous)
    assert listed.input_tokens > 20


def test_a_request_may_hold_so_many_items(hall: Hall) -> None:
    item = {"role": "user", "content": "x"}
    for path in ("", "/input_tokens"):
        many = hall.ask("POST", path, json={"model": ECHO, "input": [item] * 10_001})
        error = many.json()["error"]
        assert (many.status_code, error["param"], error["code"]) == (400, "input", "too_many_items")
        assert "may hold 10000 items, not 10001" in error["message"]
    assert hall.ask("POST", "/input_tokens", json={"model": ECHO, "input": [item] * 10_000}).status_code == 200
