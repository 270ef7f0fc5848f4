"""``Idempotency-Key`` through gateways with workers: one upstream call, one charge, the first answer for everybody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from idempotency_wire import EMBEDDINGS, ask, charges, cut_off, reached, send, shown, whole
from money_wire import TOKEN, House, TestKey
from waiting import until

from router.testing import Answer, Stream, chunks, completion, token_usage

pytestmark = pytest.mark.slow

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture
def key(house: House) -> TestKey:
    return house.key(idempotent=True)


@pytest.fixture
def marker() -> str:
    """The value of the header, and what the upstream knows the call by."""
    return uuid4().hex


def repeat(house: House, key: TestKey, marker: str, **options: Any) -> Any:
    return ask(house, key, marker, gateway=house.gateways[-1], tag=marker, **options)


@STREAM
def test_a_repeat_gets_the_first_answer(house: House, key: TestKey, marker: str, stream: bool) -> None:
    first = ask(house, key, marker, tag=marker, stream=stream)
    assert first.status == 200 and "idempotent-replayed" not in first.headers
    for _ in range(4):
        again = repeat(house, key, marker, stream=stream)
        assert shown(again) == shown(first)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.request_id != first.request_id
        assert not any(name.startswith("x-ratelimit") for name in again.headers)
    assert ("[DONE]" in first.body.decode()) is stream
    assert reached(house, marker) == 1
    assert charges(house, key) == [10 * TOKEN]
    assert [row["request_id"] for row in house.usage(key.account)] == [first.request_id]


def test_embeddings_are_made_once(house: House, key: TestKey, marker: str) -> None:
    options = {"path": EMBEDDINGS, "model": "acme/both", "tag": marker}
    first = ask(house, key, marker, **options)
    again = ask(house, key, marker, gateway=house.gateways[-1], **options)
    assert first.status == 200
    assert shown(again) == shown(first)
    assert reached(house, marker) == 1
    assert len(charges(house, key)) == 1


@STREAM
def test_of_twenty_at_once_one_is_made(house: House, key: TestKey, marker: str, stream: bool) -> None:
    gate = house.gate(marker)
    with ThreadPoolExecutor(20) as pool:
        asked = [
            pool.submit(ask, house, key, marker, gateway=house.gateways[n % len(house.gateways)], tag=marker,
                        stream=stream)
            for n in range(20)
        ]  # fmt: skip
        until(lambda: reached(house, marker))
        gate.set()
        answers = [one.result() for one in asked]
    assert [answer.status for answer in answers] == [200] * 20
    assert len({answer.body for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 19
    assert reached(house, marker) == 1
    assert charges(house, key) == [10 * TOKEN]


def test_another_body_is_refused_and_not_made(house: House, key: TestKey, marker: str) -> None:
    assert ask(house, key, marker, tag=marker).status == 200
    for options in ({"temperature": 0}, {"stream": True}, {"path": EMBEDDINGS, "model": "acme/both"}):
        answered = ask(house, key, marker, tag=marker, **options)
        assert (answered.status, answered.error["code"]) == (409, "idempotency_key_reused")
    assert reached(house, marker) == 1
    assert ask(house, house.key(key.account, idempotent=True), marker, tag=marker).status == 200  # another API key
    assert reached(house, marker) == 2


def test_a_key_that_may_not_send_it_is_served_as_ever(house: House, marker: str) -> None:
    key = house.key()
    for value in (marker, marker, "not a value"):
        answered = ask(house, key, value, tag=marker)
        assert answered.status == 200 and "idempotent-replayed" not in answered.headers
    assert reached(house, marker) == 3
    assert len(charges(house, key)) == 3


def test_a_bad_value_is_refused(house: House, key: TestKey, marker: str) -> None:
    for value in ("", "two words", "x" * 256):
        answered = ask(house, key, value, tag=marker)
        assert (answered.status, answered.error["code"]) == (400, "invalid_idempotency_key")
    assert reached(house, marker) == 0


@STREAM
def test_who_left_finds_the_answer(house: House, key: TestKey, marker: str, stream: bool) -> None:
    gate = house.gate(marker)
    connection = send(house, key, marker, tag=marker, stream=stream)
    until(lambda: reached(house, marker))
    cut_off(connection)
    waiting = send(house, key, marker, tag=marker, stream=stream)  # in time, and too late
    gate.set()
    first = whole(waiting)
    assert (first.status, first.headers["idempotent-replayed"]) == (200, "true")
    assert shown(repeat(house, key, marker, stream=stream)) == shown(first)
    assert reached(house, marker) == 1
    assert charges(house, key) == [10 * TOKEN]
    (row,) = house.usage(key.account)
    assert row["ending"] in ("disconnect", "ok")  # ok where the answer was faster than the news of the hang-up


def test_a_repeat_that_leaves_harms_nobody(house: House, key: TestKey, marker: str) -> None:
    gate = house.gate(marker)
    first = send(house, key, marker, tag=marker)
    until(lambda: reached(house, marker))
    for _ in range(3):
        cut_off(send(house, key, marker, tag=marker))
    gate.set()
    assert whole(first).status == 200
    assert reached(house, marker) == 1
    assert charges(house, key) == [10 * TOKEN]


def test_a_failed_call_is_made_again(house: House, key: TestKey, marker: str) -> None:
    answers = iter([Answer.error(400, "no"), Answer(completion("yes"))])
    failing = house.plan(lambda _: next(answers))
    assert ask(house, key, marker, tag=failing).status == 400
    assert charges(house, key) == []
    again = ask(house, key, marker, tag=failing)
    assert again.status == 200 and "idempotent-replayed" not in again.headers
    assert len(charges(house, key)) == 1


def test_a_refused_call_is_made_once_it_can_be_paid(house: House, marker: str) -> None:
    key = house.key(house.account(), idempotent=True)
    assert ask(house, key, marker, tag=marker).status == 402
    house.gateways[0].router("credits", "grant", key.account, "1", "--reason", "test")
    assert ask(house, key, marker, tag=marker).status == 200
    assert "idempotent-replayed" in repeat(house, key, marker).headers
    assert reached(house, marker) == 1


def test_a_stream_that_broke_off_stays_broken_and_is_charged_once(house: House, key: TestKey, marker: str) -> None:
    cut = house.plan(Stream(chunks(*["word "] * 20), cut_after=10))
    first = ask(house, key, marker, tag=cut, stream=True)
    assert first.status == 200 and b'"error"' in first.body and b"[DONE]" not in first.body
    again = ask(house, key, marker, tag=cut, stream=True)
    assert shown(again) == shown(first)
    assert reached(house, cut) == 1
    assert len(charges(house, key)) == 1


def test_an_answer_too_large_to_keep_is_not_made_again(house: House, key: TestKey) -> None:
    usage = token_usage(1, 10)
    large = house.plan(Answer(completion("x" * 1_100_000, usage=usage)))
    first = ask(house, key, "large", tag=large)
    assert first.status == 200
    again = ask(house, key, "large", tag=large)
    assert (again.status, again.error["code"]) == (409, "idempotency_answer_not_kept")
    assert first.request_id in again.error["message"]
    assert reached(house, large) == 1
    assert charges(house, key) == [10 * TOKEN]


def test_a_rotated_key_finds_its_answers(house: House, key: TestKey, marker: str) -> None:
    assert ask(house, key, marker, tag=marker).status == 200
    made = house.gateways[0].router("keys", "rotate", key.id)
    rotated = TestKey(made["id"], made["api_key"], key.account)
    assert "idempotent-replayed" in ask(house, rotated, marker, tag=marker).headers


def test_switched_off_it_is_ignored_at_the_next_call(house: House, key: TestKey, marker: str) -> None:
    assert ask(house, key, marker, tag=marker).status == 200
    house.gateways[0].router("keys", "limit", key.id, "--no-idempotent")
    until(lambda: "idempotent-replayed" not in ask(house, key, marker, tag=marker).headers)


def test_repeats_are_requests_of_the_minute(house: House, marker: str) -> None:
    """Whether they are answered or refused; they cost nothing."""
    key = house.key(idempotent=True, limits={"requests_per_minute": 4})
    assert ask(house, key, marker, tag=marker).status == 200
    assert repeat(house, key, marker).status == 200
    other = ask(house, key, marker, tag="another")
    assert (other.status, other.error["code"]) == (409, "idempotency_key_reused")
    assert repeat(house, key, marker).status == 200
    assert house.buckets(key.id)["requests"] == (4, 0)
    for refused in (repeat(house, key, marker), ask(house, key, marker, tag="another"), ask(house, key, uuid4().hex)):
        assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
        assert 0 < int(refused.headers["retry-after"]) <= 60
    assert reached(house, marker) == 1
    assert len(charges(house, key)) == 1
