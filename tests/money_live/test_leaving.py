"""Clients that leave, and a gateway that does: one row each, charged for what was used or delivered, nothing held."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from money_wire import TOKEN, House, TestKey, new_schema, open_house
from waiting import until

from router.testing import Answer, Stream, chunks, completion, token_usage

pytestmark = pytest.mark.slow

WORDS = 200
USED = token_usage(1, WORDS)
FREED_S = 20.0
MODELS = {"drain": "acme/plain", "cancel": "hasty/plain"}
HASTY: dict[str, Any] = {
    "gateway": {"drain_s": 4.0, "client_stall_s": 0.5, "stream_buffer_bytes": 65536},
    "server": {"send_timeout_s": 1.0, "grace_s": 0.5},
    "limits": {"concurrent": 1},
    "prices": {"hasty/plain": {"input": "0", "output": "1"}},
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hasty_house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that waits for nobody for long, and whose keys make one call at a time."""
    folder = tmp_path_factory.mktemp("leaving")
    also = {"hasty": {"on_disconnect": "cancel"}}
    if request.param == "sqlite":
        with open_house(folder, f"sqlite:///{folder / 'router.db'}", config=HASTY, also=also) as house:
            yield house
            house.verify()
        return
    server = request.getfixturevalue("postgres_server")
    with new_schema(server) as url, open_house(folder, url, config=HASTY, also=also) as house:
        yield house
        house.verify()


def the_row(house: House, key: TestKey) -> dict[str, Any]:
    """The one usage row of a key, once the call is over and nothing is held any more."""
    began = time.monotonic()
    until(lambda: house.usage(key.account), limit_s=FREED_S)
    (row,) = house.usage(key.account)
    assert house.holds(key.account) == []
    assert house.balance(key.account).held == 0
    assert house.call(key, max_tokens=1).status == 200, "its only slot is not free"
    assert time.monotonic() - began < FREED_S
    assert row["charge_nano"] == row["completion_tokens"] * TOKEN
    assert row["ending"] == "disconnect"
    return row


def upstream_ending(house: House, marker: str) -> str:
    """How the upstream's side of a call ended, once it has."""
    (request,) = [one for one in house.upstream.requests if marker.encode() in one.body]
    until(lambda: request.ending, limit_s=FREED_S)
    return request.ending


def read_until(connection: http.client.HTTPConnection, end: bytes) -> None:
    data = b""
    while end not in data:
        piece = connection.sock.recv(4096)
        assert piece, data
        data += piece


@pytest.mark.row("NX-2")
@pytest.mark.parametrize("ends", MODELS)
def test_a_stream_left_after_five_chunks_of_200(hasty_house: House, ends: str) -> None:
    house, key = hasty_house, hasty_house.key()
    words = [f"w{number} " for number in range(WORDS)]
    marker = house.plan(Stream(chunks(*words, usage=USED, include_usage=True), gap_s=0.005))
    connection = house.send(key, model=MODELS[ends], stream=True, max_tokens=WORDS, tag=marker)
    read_until(connection, b'"w4 "')
    connection.close()
    row = the_row(house, key)
    if ends == "drain":
        assert (row["completion_tokens"], row["estimated"]) == (WORDS, 0)
        assert upstream_ending(house, marker) == "complete"
    else:
        assert len("w0 w1 w2 w3 w4 ") // 4 <= row["completion_tokens"] < WORDS // 2 and row["estimated"]
        assert upstream_ending(house, marker) == "disconnect"


@pytest.mark.parametrize("ends", MODELS)
def test_a_plain_call_left_before_its_answer(hasty_house: House, ends: str) -> None:
    house, key = hasty_house, hasty_house.key()
    marker = house.plan(Answer(completion("ok", usage=USED), delay_s=1.0))
    connection = house.send(key, model=MODELS[ends], max_tokens=WORDS, tag=marker)
    until(lambda: house.reached(marker))
    connection.close()
    row = the_row(house, key)
    assert (row["status"], bool(row["estimated"])) == (499, ends == "cancel")
    if ends == "drain":
        assert row["completion_tokens"] == WORDS
        assert upstream_ending(house, marker) == "complete"
    else:
        assert row["completion_tokens"] == 0, "nothing was delivered"
        assert row["prompt_tokens"] > 0, "the provider has it, and charges it"
        assert upstream_ending(house, marker) == "disconnect"


@pytest.mark.parametrize("ends", MODELS)
def test_a_client_that_stops_reading(hasty_house: House, ends: str) -> None:
    house, key = hasty_house, hasty_house.key()
    first, *others = chunks("w " * 50, usage=USED, include_usage=True)
    big = {**others[0], "padding": "x" * 16_000}  # more in all than the buffers of both sockets hold
    silence_s = 1.5  # so that the call is not over before it is given up
    marker = house.plan(Stream([first, *[big] * 1000, silence_s, *others[1:]], joined=True))
    connection = house.send(key, receive_bytes=4096, model=MODELS[ends], stream=True, max_tokens=WORDS, tag=marker)
    with connection.sock:
        row = the_row(house, key)
        ending = upstream_ending(house, marker)
    if ends == "drain":
        assert (row["completion_tokens"], row["estimated"], ending) == (WORDS, 0, "complete")
    else:
        assert row["completion_tokens"] and row["estimated"]
        assert ending == "disconnect"


def test_a_gateway_that_stops_before_its_calls_are_over(hasty_house: House, never: threading.Event) -> None:
    house, key, other = hasty_house, hasty_house.key(), hasty_house.key()
    words = chunks(*(f"w{number} " for number in range(WORDS)), usage=USED, include_usage=True)
    streamed = house.plan(Stream([*words[:6], never, *words[6:]]))
    stream = house.send(key, tag=streamed, stream=True, max_tokens=WORDS)
    plain = house.send(other, tag=house.plan(Answer(completion("ok"), hold=never)), max_tokens=WORDS)
    begun = stream.getresponse()
    until(lambda: house.holds(other.account) and house.reached(streamed))
    assert house.gateways[0].stop() == 0
    with contextlib.closing(stream), begun:
        told = begun.read()
    assert b'"w4 "' in told and b"[DONE]" not in told
    assert json.loads(told.split(b"data: ")[-1])["error"]["code"] == "unavailable"
    with contextlib.closing(plain), plain.getresponse() as response:
        assert response.status == 503
    (cut,), (failed,) = house.usage(key.account), house.usage(other.account)
    assert (cut["ending"], cut["status"], bool(cut["estimated"])) == ("cut", 200, True)
    assert cut["charge_nano"] == cut["completion_tokens"] * TOKEN > 0
    assert (failed["ending"], failed["status"], failed["charge_nano"]) == ("error", 503, 0)
    assert house.holds(key.account) == house.holds(other.account) == []
    house.gateways[0].start()
