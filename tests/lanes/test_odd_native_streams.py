"""Odd streams of providers that speak Responses or Messages themselves: events pass, one end is told, and what was
said, or what the upstream counted, is what is paid for.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from lanes_wire import SURFACES, Lanes, native_answer

from router.testing import Answer, Result, Stream
from router.testing.upstream.wires.anthropic import ANTHROPIC, message
from router.testing.upstream.wires.responses import ID, RESPONSES, response

pytestmark = pytest.mark.slow

WIRES = {"responses": RESPONSES, "messages": ANTHROPIC}


def events_of(surface: str, *words: str, **fields: Any) -> list[bytes]:
    """A good stream's."""
    script: Any = native_answer(surface, *(words or ("Forty", "-two")), stream=True, **fields)
    return list(script.events)


def named(value: Any, name: str = "odd") -> bytes:
    """An event of any data."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


class Odd(NamedTuple):
    """What an upstream does.

    Attributes:
        good: whether the stream came to its end.
        told: whether the upstream's counts stand on the row.
    """

    events: list[bytes]
    good: bool = True
    told: bool = True


def without(events: list[bytes], text: bytes) -> list[bytes]:
    return [one for one in events if text not in one]


def odd_streams(surface: str) -> dict[str, Odd]:
    """The streams, in the surface's own words."""
    made = events_of(surface)
    half = next(place for place, one in enumerate(made) if b"-two" in one)
    uncounted = events_of(surface, usage=None)
    counts: Any = {"input_tokens": "12", "output_tokens": -4, "total_tokens": [1], "cache_read_input_tokens": 1.5}
    unknown = [
        named({"type": "of.tomorrow", "x": [1, None]}),
        named({"x": 1}),
        named({"type": None}),
        named({"type": 7, "response": 5, "message": []}),
        b": a comment\n\n",
        b"event: ping\n\n",
    ]
    fault: dict[str, Any] = {"type": "error", "error": {"type": "api_error", "message": "Boom"}}
    return {
        "no usage": Odd(uncounted, told=False),
        "counts that are none": Odd(events_of(surface, usage=counts), told=False),
        "counts beyond all measure": Odd(
            events_of(surface, usage={"input_tokens": 10**40, "output_tokens": 1e300}), told=False
        ),
        "unknown events": Odd([made[0], *unknown, *made[1:half], *unknown, *made[half:]]),
        "more after the end": Odd([*made, made[half], *made[-1:], named(fault)]),
        "no beginning": Odd(made[1:], told=surface == "responses"),
        "two beginnings": Odd([made[0], *made]),
        "an error in the middle": Odd(
            [*made[:half], named(fault, "error"), *made[half:]], good=False, told=surface == "messages"
        ),
        "a bare error in the middle": Odd(
            [*made[:half], named({"error": {"message": "Boom"}}), *made[half:]], False, surface == "messages"
        ),
        "a cut in the middle": Odd(made[:half], False, surface == "messages"),
        "no JSON in the middle": Odd(
            [*made[:half], named(b'{"type": "x'), named(b"{half"), *made[half:]], False, surface == "messages"
        ),
        "a list in the middle": Odd([*made[:half], named([1]), *made[half:]], False, surface == "messages"),
        "no end": Odd(made[:-1], False, surface == "messages"),
    }


NAMES = list(odd_streams("responses"))


def blocks_in(answer: Result) -> list[tuple[str, Any]]:
    """Name and decoded data of each event, as a reader of lines has them."""
    found = []
    for block in answer.body.decode().split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith(":")]
        if lines:
            assert len(lines) == 2 and lines[0].startswith("event:"), block
            found.append((lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))))
    return found


@pytest.mark.parametrize("odd", [None, 5, [], "x"], ids=str)
def test_an_end_without_its_answer_is_no_end(lanes: Lanes, odd: Any) -> None:
    payer, made = lanes.payer(), events_of("responses")
    made[-1] = named({"type": "response.completed", "response": odd})
    lanes.upstream.script(Stream(made, done=False))
    answer = lanes.ask(payer, "responses", lanes.spare("responses"), stream=True)
    shown = blocks_in(answer)
    assert [kind for kind, _ in shown if kind in ("response.completed", "response.failed")] == ["response.failed"]
    assert shown[-1][1]["response"]["output"][0]["content"][0]["text"] == "Forty-two"
    assert lanes.row(answer).charge_nano == lanes.spent(payer) > 0
    lanes.expect_no_fault()


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [None, 5], ids=["whole", "in pieces"])
def test_however_odd_there_is_one_end_and_one_charge(lanes: Lanes, surface: str, name: str, size: int | None) -> None:
    odd, payer, wire = odd_streams(surface)[name], lanes.payer(), WIRES[surface]
    model = f"{surface}/m" if odd.good else lanes.spare(surface)  # what fails is left alone for a while
    lanes.upstream.script(Stream(odd.events, done=False, write_size=size))
    answer = lanes.ask(payer, surface, model, stream=True)
    assert answer.status == 200, answer.body
    shown = blocks_in(answer)
    ends = [kind for kind, _ in shown if kind in ("response.completed", "response.failed", "message_stop", "error")]
    good = "response.completed" if surface == "responses" else "message_stop"
    assert ends == ([good] if odd.good else ["response.failed" if surface == "responses" else "error"])
    assert shown[-1][0] == ends[0]
    row = lanes.row(answer)
    assert row.ending == ("ok" if odd.good else "cut")
    counts = (wire.counts.prompt_tokens, wire.counts.completion_tokens)
    if odd.told and odd.good:
        assert (row.prompt_tokens, row.completion_tokens, row.estimated) == (*counts, False)
    else:
        whole = (name, surface) == ("no end", "messages")  # all has been told before
        assert whole or row.estimated or row.clamped, "what nobody told is marked"
        assert row.completion_tokens > 0 and (not odd.told or row.prompt_tokens == counts[0])
    assert row.charge_nano == lanes.spent(payer) > 0
    lanes.check()
    lanes.expect_no_fault()


BAD_STARTS: dict[str, list[bytes]] = {
    "an error": [named({"type": "error", "error": {"type": "api_error", "message": "Boom"}}, "error")],
    "no JSON": [named(b"{half")],
    "a list": [named([1])],
    "an unknown event alone": [named({"type": "of.tomorrow"})],
    "nothing": [],
    "an end alone": [],
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", BAD_STARTS)
def test_what_is_no_answer_at_all_is_a_status(lanes: Lanes, surface: str, name: str) -> None:
    payer, events = lanes.payer(), BAD_STARTS[name]
    if name == "an end alone":
        events = [named({"type": "response.completed" if surface == "responses" else "message_stop"})]
    lanes.upstream.script(Stream(events, done=False))
    answer = lanes.ask(payer, surface, lanes.spare(surface), stream=True)
    assert answer.status == 502 and answer.json()["error"]["message"], answer.body
    assert lanes.spent(payer) == lanes.row(answer).charge_nano
    lanes.check()
    lanes.expect_no_fault()


def test_no_event_writes_lines_of_its_own(lanes: Lanes) -> None:
    """The name of an event is the upstream's word: it cannot end its line and begin another."""
    evil = 'x\ndata: {"type":"response.completed"}\n\nevent: y'
    for surface in SURFACES:
        made = events_of(surface)
        lanes.upstream.script(Stream([*made[:3], named({"type": evil}), *made[3:]], done=False))
        answer = lanes.ask(lanes.payer(), surface, f"{surface}/m", stream=True)
        shown = blocks_in(answer)
        assert len(shown) == len(made) + 1 and shown[3][1] == {"type": evil}


PLAIN: dict[str, Any] = {
    "no output": {"output": None, "content": None},
    "output that is none": {"output": "x", "content": {"type": "text"}},
    "a failure": {"status": "failed", "error": {"code": "server_error", "message": "Boom"}, "type": "error"},
}


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_answer_that_is_none_is_a_status(lanes: Lanes, surface: str, name: str) -> None:
    payer = lanes.payer()
    body = response("Hi") if surface == "responses" else message({"type": "text", "text": "Hi"})
    lanes.upstream.script(Answer({**body, **PLAIN[name]}))
    answer = lanes.ask(payer, surface, lanes.spare(surface))
    assert answer.status == 502 and answer.json()["error"]["message"], answer.body
    assert lanes.spent(payer) == lanes.row(answer).charge_nano
    lanes.expect_no_fault()


ODD_MEMBERS: dict[str, Any] = {"id": 7, "model": ["x"], "usage": "many", "status": None, "output": [None, 5, "x", {}]}


@pytest.mark.parametrize("mode", ["plain", "stream"])
@pytest.mark.parametrize("name", ODD_MEMBERS)
def test_odd_members_pass_and_break_nothing(lanes: Lanes, mode: str, name: str) -> None:
    payer, stream = lanes.payer(), mode == "stream"
    odd = {name: ODD_MEMBERS[name]}
    if stream:
        made = events_of("responses")
        made[-1] = named({"type": "response.completed", "response": {**response("Hi"), **odd}}, "response.completed")
        lanes.upstream.script(Stream(made, done=False))
    else:
        lanes.upstream.script(Answer({**response("Hi"), **odd}))
    answer = lanes.ask(payer, "responses", "responses/m", stream=stream)
    assert answer.status == 200, answer.body
    told = blocks_in(answer)[-1][1]["response"] if stream else answer.json()
    assert told[name] == ODD_MEMBERS[name]
    assert lanes.row(answer).charge_nano == lanes.spent(payer) > 0
    again = lanes.get(payer, f"/v1/responses/{ID}")
    assert again.status == (404 if name == "id" else 200)
    lanes.check()
    lanes.expect_no_fault()
