"""``Idempotency-Key`` where nothing is billed, and where calls end with their clients: repeats are answered too."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from idempotency_wire import ask, cut_off, reached, send, shown, whole
from money_wire import House, TestKey, open_house
from waiting import until

from router.testing import Stream, chunks

pytestmark = pytest.mark.slow

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
CONFIG = {
    "gateway": {"billing": "none", "rate_limit": "none"},
    "providers": {"acme": {"on_disconnect": "cancel"}},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("unbilled")
    with open_house(folder, f"sqlite:///{folder / 'router.db'}", config=CONFIG) as house:
        yield house


@pytest.fixture
def key(house: House) -> TestKey:
    return house.key(idempotent=True)


@STREAM
def test_a_repeat_gets_the_first_answer(house: House, key: TestKey, stream: bool) -> None:
    marker = uuid4().hex
    first = ask(house, key, marker, tag=marker, stream=stream)
    assert first.status == 200
    assert shown(ask(house, key, marker, tag=marker, stream=stream)) == shown(first)
    assert reached(house, marker) == 1


@STREAM
def test_a_call_whose_client_may_come_back_is_not_cancelled(house: House, key: TestKey, stream: bool) -> None:
    marker = uuid4().hex
    gate = house.gate(marker)
    connection = send(house, key, marker, tag=marker, stream=stream)
    until(lambda: reached(house, marker))
    cut_off(connection)
    waiting = send(house, key, marker, tag=marker, stream=stream)
    gate.set()
    found = whole(waiting)
    assert (found.status, found.headers["idempotent-replayed"]) == (200, "true")
    assert reached(house, marker) == 1


def test_a_stream_that_broke_off_and_cost_nothing_is_made_again(house: House, key: TestKey) -> None:
    answers = iter([Stream(chunks(*["word "] * 20), cut_after=10), Stream(chunks("whole"))])
    plan = house.plan(lambda _: next(answers))
    first = ask(house, key, plan, tag=plan, stream=True)
    assert first.status == 200 and b"[DONE]" not in first.body
    again = ask(house, key, plan, tag=plan, stream=True)
    assert b"whole" in again.body and b"[DONE]" in again.body
    assert reached(house, plan) == 2
