"""Workers and whole gateways that die under load: the books say what the upstream says, and nothing stays held."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from crash_wire import Crowd, check_books, clear_holds, workers
from money_wire import TOKEN, House
from waiting import until

from router.testing import Gateway, Stream, chunks, token_usage

pytestmark = pytest.mark.slow

ROUNDS = ("worker", "gateway", "terminated")


def kill_worker(gateway: Gateway, chance: random.Random) -> None:
    """SIGKILL for one worker; its master starts another."""
    one = chance.choice(workers(gateway))
    one.kill()
    until(lambda: one not in workers(gateway))


def kill_gateway(gateway: Gateway, _: random.Random) -> None:
    """SIGKILL for all processes at once, as when the power fails."""
    gateway.kill()
    gateway.start()


def terminate(gateway: Gateway, _: random.Random) -> None:
    """SIGTERM: what is under way may end."""
    assert gateway.stop() == 0
    gateway.start()


BLOWS: dict[str, Callable[[Gateway, random.Random], None]] = {
    "worker": kill_worker,
    "gateway": kill_gateway,
    "terminated": terminate,
}


def strike(house: House, kind: str, seed: int) -> None:
    """One round: load, a blow at a random moment, and the accounts."""
    chance = random.Random(seed)
    gateway = house.gateways[0]
    with Crowd(house) as crowd:
        crowd.wait_for(10)
        time.sleep(chance.random() * 0.3)  # any moment is as good as any other
        BLOWS[kind](gateway, chance)
        crowd.wait_for(10)
    ended = clear_holds(house, crowd.account)
    charged = check_books(house, crowd)
    assert len(charged) >= 20
    if kind == "terminated":
        assert ended == [], "a drained gateway left a hold"
        assert all(call.whole for call in crowd.calls if call.status), crowd.statuses()


@pytest.mark.parametrize("kind", ROUNDS)
def test_what_dies_under_load_loses_no_money(house: House, kind: str) -> None:
    strike(house, kind, seed=sum(kind.encode()))


def test_a_gateway_told_to_stop_ends_its_streams_first(house: House) -> None:
    gateway, key, voice = house.gateways[0], house.key(), threading.Event()
    words = chunks("one ", "two ", usage=token_usage(1, 10), include_usage=True)
    marker = house.plan(Stream([*words[:2], voice, *words[2:]]))
    streams = [house.send(key, gateway, tag=marker, stream=True, max_tokens=10) for _ in range(8)]
    answers = [stream.getresponse() for stream in streams]
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(gateway.stop)
        until(lambda: refuses(gateway))
        voice.set()
        assert [answer.read()[-14:] for answer in answers] == [b"data: [DONE]\n\n"] * len(streams)
        assert stopping.result() == 0
    for stream in streams:
        stream.close()
    assert [(row["ending"], row["charge_nano"]) for row in house.usage(key.account)] == [("ok", 10 * TOKEN)] * 8
    assert house.holds(key.account) == []
    gateway.start()


def refuses(gateway: Gateway) -> bool:
    """Whether it takes no more connections."""
    try:
        socket.create_connection(("127.0.0.1", gateway.port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_fifty_blows(house: House) -> None:
    for seed in range(50):
        strike(house, ROUNDS[seed % len(ROUNDS)], seed)
