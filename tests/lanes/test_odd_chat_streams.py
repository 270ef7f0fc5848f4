"""Odd streams of providers that are asked through chat, as clients of Responses and Messages see them: always whole
events of their own wire, one end, and what was said is what is paid for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from framing import CHECKS
from lanes_wire import CHAT_USED, SURFACES, Lanes, events_in

from router.testing import Stream

pytestmark = pytest.mark.slow

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 17, "model": "m"}
TOOLS = {
    "responses": [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("get", "put")],
    "messages": [{"name": name, "input_schema": {"type": "object"}} for name in ("get", "put")],
}


def chunk(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def call(arguments: str | None, **more: Any) -> dict[str, Any]:
    function = {name: more.pop(name) for name in ("name",) if name in more} | {"arguments": arguments}
    return chunk({"tool_calls": [{**more, "function": function}]})


class Odd(NamedTuple):
    """A stream.

    Attributes:
        events: chunks, or bytes as they are.
        text: what the client must read.
        good: whether it came to its end.
        calls: arguments of each call that the client must read.
        told: whether the upstream's counts stand on the row.
        done: whether ``[DONE]`` follows.
    """

    events: list[Any]
    text: str
    good: bool = True
    calls: tuple[str, ...] = ()
    told: bool = False
    done: bool = True


HI, YOU = chunk({"content": "Hi "}), chunk({"content": "you"})
STOP = chunk({}, "stop")
USED = {**HEAD, "choices": [], "usage": CHAT_USED}
FAULT = {"error": {"message": "Boom", "type": "server_error", "code": None}}
ODD: dict[str, Odd] = {
    "no usage": Odd([HI, YOU, STOP], "Hi you"),
    "no finish reason": Odd([HI, YOU, USED], "Hi you", told=True),
    "no usage and no finish reason": Odd([HI, YOU], "Hi you"),
    "a finish and no [DONE]": Odd([HI, YOU, STOP, USED], "Hi you", told=True, done=False),
    "usage first": Odd([USED, HI, YOU, STOP], "Hi you", told=True),
    "usage with every chunk": Odd([{**one, "usage": CHAT_USED} for one in (HI, YOU, STOP)], "Hi you", told=True),
    "text after the finish": Odd([HI, STOP, YOU, USED], "Hi you", told=True),
    "the finish twice": Odd([HI, YOU, STOP, STOP, USED], "Hi you", told=True),
    "the finish alone": Odd([STOP, USED], "", told=True),
    "a role alone": Odd([chunk({"role": "assistant"}), STOP, USED], "", told=True),
    "events that nobody knows": Odd(
        [HI, {"type": "of.tomorrow", "x": [1]}, {}, {"type": "ping"}, {**HEAD, "choices": []}, YOU, STOP, USED],
        "Hi you",
        told=True,
    ),
    "nulls everywhere": Odd(
        [
            chunk(None),
            chunk({"content": None, "tool_calls": None, "refusal": None, "reasoning_content": None}),
            {**HEAD, "choices": None},
            {**HEAD, "choices": [None]},
            HI,
            YOU,
            {**STOP, "usage": None},
            USED,
        ],
        "Hi you",
        told=True,
    ),
    "another choice": Odd(
        [{**HEAD, "choices": [{"index": 1, "delta": {"content": "no"}}]}, HI, YOU, STOP, USED], "Hi you", told=True
    ),
    "thoughts after the text": Odd(
        [HI, chunk({"reasoning_content": "Hm"}), YOU, chunk({"reasoning": "Hm"}), STOP, USED], "Hi you", told=True
    ),
    "a call of which the ID comes late": Odd(
        [
            call('{"a"', index=0, name="get"),
            call(":1", index=0, id=None, name=None),
            call("}", index=0, id="call_1"),
            STOP,
            USED,
        ],
        "",
        calls=('{"a":1}',),
        told=True,
    ),
    "calls that mix, and text between": Odd(
        [
            call('{"a"', index=0, id="c1", name="get"),
            call('{"b"', index=1, id="c2", name="put"),
            HI,
            call(":1}", index=0),
            call(":2}", index=1),
            YOU,
            chunk({}, "tool_calls"),
            USED,
        ],
        "Hi you",
        calls=('{"a":1}', '{"b":2}'),
        told=True,
    ),
    "calls without an index": Odd(
        [call("{}", id="c1", name="get"), call("{}", id="c2", name="put"), STOP, USED],
        "",
        calls=("{}", "{}"),
        told=True,
    ),
    "a call without a name": Odd([HI, call('{"a":1}', index=3), YOU, STOP, USED], "Hi you", True, ('{"a":1}',), True),
    "an index that is none": Odd(
        [HI, call("{}", index="x", id=7, name=["get"]), YOU, STOP, USED], "Hi you", calls=("{}",), told=True
    ),
    "counts that are none": Odd(
        [HI, YOU, {**STOP, "usage": {"prompt_tokens": "12", "completion_tokens": -4, "total_tokens": [1]}}], "Hi you"
    ),
    "a usage that is none": Odd([HI, YOU, {**STOP, "usage": "many"}], "Hi you"),
    "half a surrogate": Odd(
        [b'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n', STOP, USED],
        "\ud83d",
        told=True,
    ),
    "an error in the middle": Odd([HI, FAULT, YOU, STOP], "Hi ", good=False),
    "a cut in the middle": Odd([HI], "Hi ", good=False, done=False),
    "a cut within a call": Odd([call('{"a"', index=0, id="c1", name="get")], "", False, ('{"a"',), done=False),
    "no JSON in the middle": Odd([HI, b"data: {half\n\n", YOU, STOP], "Hi ", good=False),
    "a list in the middle": Odd([HI, b"data: [1]\n\n", YOU, STOP], "Hi ", good=False),
    "no number in the middle": Odd([HI, b'data: {"choices":[{"delta":{"content":NaN}}]}\n\n'], "Hi ", good=False),
}


def read(surface: str, events: list[dict[str, Any]]) -> tuple[str, tuple[str, ...]]:
    """Text and calls that a client reads."""
    calls: dict[int, str] = {}
    text = ""
    for event in events:
        if surface == "responses":
            if event["type"] == "response.output_text.delta":
                text += event["delta"]
            elif event["type"] == "response.function_call_arguments.delta":
                calls[event["output_index"]] = calls.get(event["output_index"], "") + event["delta"]
        elif event["type"] == "content_block_delta":
            if event["delta"]["type"] == "text_delta":
                text += event["delta"]["text"]
            elif event["delta"]["type"] == "input_json_delta":
                calls[event["index"]] = calls.get(event["index"], "") + event["delta"]["partial_json"]
    return text, tuple(calls[place] for place in sorted(calls))


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("size", [None, 5], ids=["whole", "in pieces"])
def test_however_odd_the_stream_is_framed_and_paid_for(lanes: Lanes, surface: str, name: str, size: int | None) -> None:
    odd, payer = ODD[name], lanes.payer()
    model = "chat/m" if odd.good else lanes.spare("chat")  # what fails is left alone for a while
    lanes.upstream.script(Stream(odd.events, done=odd.done, write_size=size))
    answer = lanes.ask(payer, surface, model, stream=True, tools=TOOLS[surface])
    assert answer.status == 200, answer.body
    events = events_in(answer.body)
    end = CHECKS[surface](events)
    assert (end not in ("failed", "error")) is odd.good, events[-1]
    assert read(surface, events) == (odd.text, odd.calls)
    if odd.good and odd.calls:
        assert end == ("completed" if surface == "responses" else "tool_use")
    row = lanes.row(answer)
    assert row.ending == ("ok" if odd.good else "cut")
    told = (CHAT_USED["prompt_tokens"], CHAT_USED["completion_tokens"])
    assert ((row.prompt_tokens, row.completion_tokens, row.estimated) == (*told, False)) is odd.told
    assert row.charge_nano == lanes.spent(payer) > 0
    lanes.check()
    lanes.expect_no_fault()


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    "events",
    [[FAULT], [b"data: {half\n\n"], [b"data: [1]\n\n"], [{"type": "of.tomorrow"}], [USED], []],
    ids=["an error", "no JSON", "a list", "an unknown event", "usage alone", "nothing"],
)
def test_what_is_no_answer_at_all_is_a_status(lanes: Lanes, surface: str, events: list[Any]) -> None:
    payer = lanes.payer()
    lanes.upstream.script(Stream(events))
    answer = lanes.ask(payer, surface, lanes.spare("chat"), stream=True)
    assert answer.status == 502 and answer.json()["error"]["message"], answer.body
    assert lanes.spent(payer) == lanes.row(answer).charge_nano
    lanes.check()
    lanes.expect_no_fault()
