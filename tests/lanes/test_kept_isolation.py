"""What is kept of one account's answers is nothing to another: its IDs are unknown ones, whatever is done with them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from lanes_wire import Lanes, Payer, chat_answer, events_in, native_answer

from router.testing import Result
from router.testing.upstream.wires.responses import ID
from router.testing.upstream.wires.responses import stream as native_stream

pytestmark = pytest.mark.slow

UNKNOWN = "resp_nobody_has_ever_had_this_one"
UNKNOWN_ITEM = "msg_nobody_has_ever_had_this_one"


def kept(lanes: Lanes, payer: Payer, lane: str) -> dict[str, Any]:
    """An answer of an account's; in the native lane under the upstream's own ID."""
    script = native_answer("responses", "A secret.", stream=False)
    lanes.upstream.script(script if lane == "native" else chat_answer("A secret.", stream=False))
    answer = lanes.ask(payer, "responses", "responses/m" if lane == "native" else "chat/m")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def told(answer: Result, *ids: str) -> tuple[int, bytes]:
    """Status and body of a refusal, without the ID that was asked for."""
    body = answer.body
    for id in ids:
        body = body.replace(id.encode(), b"ID")
    return answer.status, body


@pytest.mark.parametrize("lane", ["native", "chat"])
def test_another_accounts_answer_is_an_unknown_one(lanes: Lanes, lane: str) -> None:
    owner, stranger = lanes.payer(), lanes.payer()
    response = kept(lanes, owner, lane)
    id, item = response["id"], response["output"][-1]["id"]
    assert (id == ID) is (lane == "native")
    sent = len(lanes.upstream.requests)
    for suffix in ("", "/input_items", "/input_items?order=asc&limit=1"):
        foreign, unknown = (lanes.get(stranger, f"/v1/responses/{one}{suffix}") for one in (id, UNKNOWN))
        assert foreign.status == 404 and told(foreign, id) == told(unknown, UNKNOWN)
    foreign, unknown = (lanes.delete(stranger, f"/v1/responses/{one}") for one in (id, UNKNOWN))
    assert foreign.status == 404 and told(foreign, id) == told(unknown, UNKNOWN)
    for field, pair in (("previous_response_id", (id, UNKNOWN)), ("input", (item, UNKNOWN_ITEM))):
        refused = []
        for one in pair:
            value: Any = one if field == "previous_response_id" else [{"type": "item_reference", "id": one}]
            refused.append(told(lanes.ask(stranger, "responses", "chat/m", **{field: value}), one))
            counted: Any = {"model": "chat/m", "input": "x", field: value}
            refused.append(told(lanes.post(stranger, "/v1/responses/input_tokens", counted), one))
        assert refused[:2] == refused[2:] and {status for status, _ in refused} == {400}
    assert len(lanes.upstream.requests) == sent and lanes.spent(stranger) == 0
    assert lanes.get(owner, f"/v1/responses/{id}").json() == response


def test_one_upstream_id_in_two_accounts_is_two_answers(lanes: Lanes) -> None:
    """Upstreams choose their IDs: whoever has the same one finds its own, and forgets its own."""
    first, second = lanes.payer(), lanes.payer()
    script: Any = native_answer("responses", "Mine.", stream=False)
    lanes.upstream.script(script, native_answer("responses", "Yours.", stream=True))
    lanes.ask(first, "responses", "responses/m")
    streamed = events_in(lanes.ask(second, "responses", "responses/m", stream=True).body)[-1]["response"]
    assert streamed["id"] == ID
    texts = [
        lanes.get(payer, f"/v1/responses/{ID}").json()["output"][0]["content"][0]["text"] for payer in (first, second)
    ]
    assert texts == ["Mine.", "Yours."]
    lanes.upstream.script(chat_answer("So.", stream=False))
    lanes.ask(second, "responses", "chat/m", previous_response_id=ID)
    assert b"Yours." in lanes.upstream.last.body and b"Mine." not in lanes.upstream.last.body
    lanes.upstream.script(chat_answer("So.", stream=False))
    reference = [{"type": "item_reference", "id": "msg_up"}, {"role": "user", "content": "x"}]
    lanes.ask(first, "responses", "chat/m", input=reference)
    assert b"Mine." in lanes.upstream.last.body and b"Yours." not in lanes.upstream.last.body
    assert lanes.delete(first, f"/v1/responses/{ID}").status == 200
    assert lanes.get(first, f"/v1/responses/{ID}").status == 404
    assert lanes.get(second, f"/v1/responses/{ID}").status == 200


def test_all_keys_of_an_account_find_its_answers(lanes: Lanes) -> None:
    owner = lanes.payer()
    other = lanes.payer(account=owner.account, scope=["chat/m"])
    response = kept(lanes, owner, "native")
    assert lanes.get(other, f"/v1/responses/{response['id']}").json() == response
    lanes.upstream.script(chat_answer("So.", stream=False))
    assert lanes.ask(other, "responses", "chat/m", previous_response_id=response["id"]).status == 200


def test_two_accounts_that_call_at_once_are_kept_apart(lanes: Lanes) -> None:
    payers = [lanes.payer() for _ in range(8)]
    answers: dict[int, dict[str, Any]] = {}
    lanes.upstream.script(*(native_stream("Hm.", id=f"resp_{number:032}") for number in range(8)))

    def call(number: int) -> None:
        answer = lanes.ask(payers[number], "responses", "responses/m", stream=True)
        answers[number] = events_in(answer.body)[-1]["response"]

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, payer in enumerate(payers):
        for other, answer in answers.items():
            found = lanes.get(payer, f"/v1/responses/{answer['id']}")
            assert (found.status, found.status == 200 and found.json() == answer) == (
                (200, True) if other == number else (404, False)
            )


@pytest.mark.parametrize("odd", ["resp_%00", "resp_%0a%0d", "resp_%F0%9F%92%A9" * 3, "resp_" + "x" * 300, "resp_..%2f"])
def test_odd_ids_are_unknown_ones(lanes: Lanes, odd: str) -> None:
    payer = lanes.payer()
    for answer in (
        lanes.get(payer, f"/v1/responses/{odd}aaaaaaaaaa"),
        lanes.delete(payer, f"/v1/responses/{odd}aaaaaaaaaa"),
    ):
        assert answer.status == 404 and answer.json()["error"]["message"]
