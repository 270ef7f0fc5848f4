"""``Idempotency-Key`` where workers die or are started again: a repeat is never a second charge."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from idempotency_wire import ask, charges, reached, send, shown, whole
from money_wire import TOKEN, House, TestKey, new_schema, open_house
from waiting import until

pytestmark = pytest.mark.slow

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two nodes of two workers that a test may kill, and has to start again."""
    folder = tmp_path_factory.mktemp("crashes")
    if request.param == "sqlite":
        with open_house(folder, f"sqlite:///{folder / 'router.db'}", nodes=2) as house:
            yield house
        return
    server: Any = request.getfixturevalue("postgres_server")
    with new_schema(server) as url, open_house(folder, url, nodes=2) as house:
        yield house


@pytest.fixture
def key(pair: House) -> Iterator[TestKey]:
    key = pair.key(idempotent=True)
    yield key
    assert not pair.holds(key.account)
    pair.verify()


@pytest.fixture
def marker() -> str:
    return uuid4().hex


def kill_in_the_middle(house: House, key: TestKey, marker: str, **body: Any) -> None:
    """The first node dies while the upstream works for it."""
    gate = house.gate(marker)
    connection = send(house, key, marker, tag=marker, **body)
    until(lambda: reached(house, marker))
    house.gateways[0].kill()
    gate.set()
    connection.close()


@STREAM
def test_answers_outlive_a_restart(pair: House, key: TestKey, marker: str, stream: bool) -> None:
    first = ask(pair, key, marker, tag=marker, stream=stream)
    pair.gateways[0].stop()
    pair.gateways[0].start()
    assert shown(ask(pair, key, marker, tag=marker, stream=stream)) == shown(first)
    assert reached(pair, marker) == 1
    assert charges(pair, key) == [10 * TOKEN]


@STREAM
def test_a_call_that_died_is_made_again_and_charged_once(pair: House, key: TestKey, marker: str, stream: bool) -> None:
    kill_in_the_middle(pair, key, marker, stream=stream)
    pair.gateways[0].start()
    again = ask(pair, key, marker, tag=marker, stream=stream)
    assert again.status == 200 and "idempotent-replayed" not in again.headers
    assert shown(ask(pair, key, marker, tag=marker, stream=stream)) == shown(again)
    assert reached(pair, marker) == 2
    assert charges(pair, key) == [10 * TOKEN]


def test_who_waits_at_another_node_takes_over(pair: House, key: TestKey, marker: str) -> None:
    gate = pair.gate(marker)
    first = send(pair, key, marker, tag=marker)
    until(lambda: reached(pair, marker))
    with ThreadPoolExecutor(4) as pool:
        options = {"gateway": pair.gateways[1], "tag": marker}
        asked = [pool.submit(ask, pair, key, marker, **options) for _ in range(4)]
        pair.gateways[0].kill()
        until(lambda: reached(pair, marker) == 2)
        gate.set()
        answers = [one.result() for one in asked]
    first.close()
    pair.gateways[0].start()
    assert [answer.status for answer in answers] == [200] * 4
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 3
    assert reached(pair, marker) == 2
    assert charges(pair, key) == [10 * TOKEN]


def test_a_call_that_died_and_is_charged_by_rule_is_not_made_again(pair: House, key: TestKey, marker: str) -> None:
    pair.gateways[1].stop()  # whoever sweeps first decides
    set_rule(pair, "capture")
    kill_in_the_middle(pair, key, marker)
    pair.gateways[0].start()
    again = ask(pair, key, marker, tag=marker)
    assert (again.status, again.error["code"]) == (409, "idempotency_answer_not_kept")
    assert reached(pair, marker) == 1
    assert len(charges(pair, key)) == 1
    set_rule(pair, "void")
    pair.gateways[0].stop()
    for gateway in pair.gateways:
        gateway.start()


def set_rule(house: House, rule: str) -> None:
    """In force from the next start."""
    for gateway in house.gateways:
        gateway.configure({"billing": {"expired": rule}})


def test_a_worker_that_stops_finishes_its_calls_first(pair: House, key: TestKey, marker: str) -> None:
    gate = pair.gate(marker)
    first = send(pair, key, marker, tag=marker)
    until(lambda: reached(pair, marker))
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(pair.gateways[0].stop)
        waiting = send(pair, key, marker, tag=marker, gateway=pair.gateways[1])
        gate.set()
        assert shown(whole(waiting)) == shown(whole(first))
        assert stopped.result() == 0
    pair.gateways[0].start()
    assert reached(pair, marker) == 1
    assert charges(pair, key) == [10 * TOKEN]
