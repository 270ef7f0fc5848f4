"""``Relay`` by itself: which bytes it touches, what it notices, and what a batch does to the result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UpstreamError
from router.surfaces.chat.relay import RECORDED_MAX, Relay
from router.testing import chunks, completion, token_usage
from router.types.dialect import Dialect
from router.types.records import ChatCall, Item, Reply
from router.upstream.events import Packet
from router.upstream.sse import BETWEEN
from router.upstream.wire import usage_of

MODEL = "acme/größer"
USAGE = token_usage(9, 12)
ENVELOPE = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def relay(*, include_usage: bool = False, ended: bool = False, **body: Any) -> Relay:
    """A relay that reads one reply."""
    made = Relay(ChatCall("req_1", MODEL, body, stream=True, include_usage=include_usage), Dialect())
    reply = Reply(
        [], read_usage=lambda value: usage_of(value.get("usage")), read_error=lambda value: UpstreamError("server", "x")
    )
    reply.ended = ended
    made.begin(reply)
    return made


def item(value: Any) -> Item:
    return Item(value if isinstance(value, bytes) else json.dumps(value).encode())


def run(made: Relay, batches: Sequence[Sequence[Any]]) -> tuple[bytes, str | None]:
    """Every byte that goes out, and the kind of the failure that ends it."""
    out = b""
    try:
        for batch in batches:
            together = isinstance(batch, Packet)
            out += made.frames(batch if together else [one if isinstance(one, Item) else item(one) for one in batch])
            made.check()
        made.end()
    except UpstreamError as error:
        return out, error.kind
    return out, None


def payloads(out: bytes) -> list[Any]:
    return [json.loads(block[6:]) for block in out.split(b"\n\n")[:-1]]


pieces = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["c1", "c2"]),
        "model": st.sampled_from(["m", "m-2", "größer"]) | st.none(),
        "choices": st.lists(
            st.fixed_dictionaries(
                {
                    "index": st.integers(0, 2),
                    "delta": st.sampled_from(
                        [{"role": "assistant"}, {}, {"content": "x"}, {"content": 'a "model": "y", "usage": {'}]
                    ),
                    "finish_reason": st.sampled_from([None, "stop"]),
                }
            ),
            max_size=2,
        ),
    },
    optional={
        "usage": st.sampled_from([None, USAGE]),
        "obfuscation": st.just("zz"),
        "x_nested": st.sampled_from([{"model": "m", "usage": None}, {"usage": USAGE}, [{"model": 1}]]),
    },
)


@st.composite
def orderings(draw: st.DrawFn) -> dict[str, Any]:
    """A chunk with its members in any order."""
    chunk = draw(pieces)
    return {name: chunk[name] for name in draw(st.permutations(list(chunk)))}


def expected(chunk: dict[str, Any], include_usage: bool) -> dict[str, Any] | None:
    """What the client should see of a chunk, by the rules alone."""
    shown = dict(chunk)
    if isinstance(shown["model"], str):
        shown["model"] = MODEL
    hidden = None if include_usage else shown.pop("usage", None)
    return None if hidden and not shown["choices"] else shown


@given(st.lists(orderings(), max_size=6), st.booleans())
def test_chunks_reach_the_client_by_the_rules(sent: list[dict[str, Any]], include_usage: bool) -> None:
    out, _ = run(relay(include_usage=include_usage, ended=True), [[item(one)] for one in sent])
    assert payloads(out) == [shown for one in sent if (shown := expected(one, include_usage)) is not None]


SAID = st.sampled_from(["x", "", "a \\ b", 'a "model": "y", "usage": {', "größer", "[DONE]", "\n\ndata: {"])
ALIKE = st.builds(
    lambda said, usage: (
        {**ENVELOPE, "choices": [{"index": 0, "delta": {"content": said}, "finish_reason": None}]} | usage
    ),
    SAID,
    st.sampled_from([{}, {}, {"usage": None}, {"usage": USAGE}]),
)
"""What the chunks of a stream mostly are."""


@pytest.mark.parametrize("include_usage", [False, True])
@given(
    st.lists(ALIKE | orderings() | st.just(b'{"error": {"message": "x"}}') | st.just(b"{"), max_size=8),
    st.lists(ALIKE, max_size=8),
    st.data(),
)
def test_batches_and_packets_decide_nothing(
    include_usage: bool, sent: list[Any], alike: list[Any], data: st.DataObject
) -> None:
    sent = alike + sent
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=4)))
    batches = [[item(one) for one in sent[start:end]] for start, end in pairwise([0, *cuts, len(sent)])]
    packets = [Packet(BETWEEN.join(one.data for one in batch)) for batch in batches if batch]
    seen = []
    for cut in ([[item(one)] for one in sent], batches, packets):
        made = relay(include_usage=include_usage)
        out, kind = run(made, cut)
        out = out if made.output else b""  # held back until there is output
        seen.append((out, kind, made.usage, made.finished, made.marks, made.reported_model, made.estimate()))
    assert seen[0] == seen[1] == seen[2]


def test_a_burst_is_one_stride() -> None:
    sent = [item(one) for one in chunks(*"abcdefghij" * 5, include_usage=True)]
    alone, together, packet = relay(), relay(), Packet(BETWEEN.join(one.data for one in sent))
    out = b"".join(alone.frames([one]) for one in sent)
    assert together.frames(packet) == out
    assert (together.usage, together.finished, together.estimate()) == (alone.usage, True, alone.estimate())
    assert sum(one._value is not None for one in packet) <= 4


def test_later_chunks_are_not_decoded() -> None:
    sent = chunks("a", "b", "c", include_usage=True)
    items = [item(one) for one in sent]
    made = relay()
    for one in items:
        made.frames([one])
    decoded = [one._value is not None for one in items]
    assert decoded == [True, True, False, False, True, True]


@pytest.mark.parametrize(
    ("delta", "is_output"),
    [
        ({"role": "assistant"}, False),
        ({"role": "assistant", "content": "", "refusal": None, "tool_calls": []}, False),
        ({"content": None, "reasoning_content": ""}, False),
        ({}, False),
        (None, False),
        ({"content": "x"}, True),
        ({"reasoning_content": "x"}, True),
        ({"tool_calls": [{"index": 0}]}, True),
        ({"refusal": "No."}, True),
        ({"audio": {"id": "a"}}, True),
    ],
)
def test_what_output_is(delta: Any, is_output: bool) -> None:
    made = relay()
    made.frames([item({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})])
    assert made.output is is_output


def test_a_finish_reason_is_output_and_an_end() -> None:
    made = relay()
    made.frames([item({"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]})])
    assert made.output and made.finished
    made.end()


def test_line_breaks_in_a_chunk_do_not_break_the_event() -> None:
    made = relay()
    out = made.frames([item(b'{"model":\r\n"m",\n"choices":[{"delta":{"content":"x"}}]}')])
    assert out.count(b"\n") == 2 and b"\r" not in out
    assert payloads(out)[0]["model"] == MODEL


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
@pytest.mark.parametrize("earlier", [0, 3], ids=["first", "in stride"])
def test_numbers_that_json_does_not_have_never_reach_a_client(number: str, earlier: int) -> None:
    made = relay()
    before = [item(one) for one in chunks(*["word"] * earlier)[: earlier + 1 if earlier else 0]]
    spoken = item({"model": "m", "choices": [{"index": 0, "delta": {"content": f"It is {number}."}}]})
    assert number.encode() in made.frames([*before, spoken]), "a text may say so"
    odd = Item(spoken.data[:-1] + f',"share":{number}}}'.encode())
    assert made.frames([odd]) == b""
    with pytest.raises(UpstreamError, match="not JSON"):
        made.check()
    with pytest.raises(UpstreamError, match="not JSON"):
        relay().body(Item(f'{{"choices":[],"share":{number}}}'.encode()))
    with pytest.raises(ValueError, match="JSON"):
        Item.of({"share": float(number)})


def test_begin_starts_over() -> None:
    made = relay()
    run(made, [chunks("a", include_usage=True)])
    assert made.usage is not None and made.output and made.finished
    made.begin(Reply([], read_usage=lambda value: None, read_error=lambda value: UpstreamError("server", "x")))
    assert (made.usage, made.output, made.finished) == (None, False, False)
    assert made.estimate().completion_tokens == 0


def test_a_body_shows_the_public_model_and_keeps_every_other_byte() -> None:
    body = b' {"x": [{"model": 1}], "model" : "m" , "n": 1e400, "choices": [], "usage": {"prompt_tokens": 9} }'
    made = relay()
    assert made.body(Item(body)) == body.replace(b'"m"', json.dumps(MODEL).encode())
    assert made.usage is not None and made.usage.prompt_tokens == 9


@pytest.mark.parametrize("count", [1, 10, 200])
def test_the_estimate_is_near_the_truth(count: int) -> None:
    """A token a chunk, as most upstreams send them; and the same in one plain body."""
    messages = [{"role": "user", "content": "x" * 400}]
    made = relay(messages=messages)
    run(made, [[one] for one in chunks(*["word"] * count)])
    estimate = made.estimate()
    assert count <= estimate.completion_tokens <= count + 1
    assert 100 <= estimate.prompt_tokens <= 120
    plain = relay(messages=messages)
    plain.body(item(completion("word " * count, usage=None)))
    assert count <= plain.estimate().completion_tokens <= 2 * count


def recorded(*told: Any) -> bytes | None:
    made = relay(ended=True)
    made.record()
    run(made, [told])
    return made.recorded()


def test_what_is_recorded_is_bounded_by_what_it_is_and_not_by_what_it_says() -> None:
    told = chunks("a", "b")
    assert recorded(*told) == b"\n".join(json.dumps(one).encode() for one in payloads(run(relay(), [told])[0]))
    image = {"index": 0, "delta": {"images": ["x" * RECORDED_MAX]}, "finish_reason": None}
    assert recorded({**ENVELOPE, "choices": [image]}, *told) is None
    letters = [{**ENVELOPE, "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}] * 12_000
    assert recorded(*letters, *told) is None
