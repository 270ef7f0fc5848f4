"""The fast reader of plain replies against the relay's own: whatever it takes, it takes as that does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.errors import UpstreamError
from router.surfaces.chat.relay import Relay
from router.types.dialect import Dialect
from router.types.records import ChatCall, EmbeddingsCall, Item, Reply
from router.upstream.wire import usage_of

pytestmark = pytest.mark.slow

HOLDS: dict[str, Any] = {"choices": ChatCall, "data": EmbeddingsCall}


def relay(holds: str) -> Relay:
    call = HOLDS[holds]("req_1", "public/naïve", {"model": "public/naïve", "messages": []})
    return Relay(call, Dialect(), is_chat=holds == "choices")


def read_usage(value: Any) -> Any:
    return usage_of(value.get("usage"))


def read_error(value: Any) -> UpstreamError:
    return UpstreamError("server", "It failed.")


def by_relay(data: bytes, holds: str) -> tuple[object, ...]:
    made = relay(holds)
    made.begin(Reply([], read_usage=read_usage, read_error=read_error))
    return (made.body(Item(data)), *noted(made))


def noted(made: Relay) -> tuple[object, ...]:
    told = (made.reported_model, made.answer_id)
    return made.usage, made.marks, *told, made.output, made.finished, made.estimate()


COUNTS = st.one_of(
    st.integers(0, 9), st.sampled_from([None, -1, 1.0, 2.5, True, "3", 2**62, 2**63, 10**30, 1e18, 10**400])
)
DETAILS = st.one_of(
    st.none(),
    st.just([]),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("cached_tokens", "cache_write_tokens", "reasoning_tokens", "audio_tokens", "x"), COUNTS
        ),
    ),
)
USAGE = st.one_of(
    st.none(),
    st.just({}),
    st.just("none"),
    st.builds(
        lambda prompt, output, **more: {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            **more,
        },
        st.integers(0, 9),
        st.integers(0, 9),
        prompt_tokens_details=DETAILS,
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": COUNTS,
            "completion_tokens": COUNTS,
            "total_tokens": COUNTS,
            "prompt_tokens_details": DETAILS,
            "completion_tokens_details": DETAILS,
            "cost": COUNTS,
            "num_sources_used": COUNTS,
            "service_tier": st.sampled_from(["priority", None]),
        },
    ),
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "content": st.sampled_from(["Hi", 'a "model": "x"', "\ud800", "é", None]),
        "annotations": st.sampled_from([[], None, [{"type": "url"}], {}]),
        "model": st.just("nested"),
    },
)
CHOICE = st.one_of(
    st.just(7),
    st.fixed_dictionaries(
        {}, optional={"message": MESSAGE, "delta": MESSAGE, "usage": USAGE, "finish_reason": st.just("stop")}
    ),
)
MEMBERS = {
    "id": st.sampled_from(["x", 'a"b', 7, None, 1.5, {"model": "inner"}, ["model"]]),
    "model": st.sampled_from(["up", "\x07bell", "n\u00e4me", "a\\b", "x" * 300, 7, None]),
    "error": st.sampled_from([None, {"message": "no"}]),
    "usage": USAGE,
    "choices": st.one_of(st.lists(CHOICE, max_size=2), st.none(), st.just({})),
    "data": st.one_of(st.just([{"embedding": [0.5]}]), st.just([])),
    "service_tier": st.sampled_from([None, "default", "priority", "", 3]),
    "citations": st.sampled_from([None, [], ["https://example.org"]]),
    "search_results": st.sampled_from([None, [], [1]]),
    "created": st.sampled_from([1, 10**30]),
}


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    names = draw(st.permutations(sorted(MEMBERS)))
    value = {name: draw(MEMBERS[name]) for name in names if name in ("choices", "data", "model") or draw(st.booleans())}
    text = json.dumps(
        value, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    )
    data = text.encode("utf-8", "surrogatepass")
    twist = draw(st.sampled_from(["", "", "", "cut", "tail", "nan", "control", "byte", "twice", "escaped", "long"]))
    if twist == "cut":
        return data[: draw(st.integers(0, len(data)))]
    if twist == "twice":
        return data[:-1] + b',"model":"second","usage":{"prompt_tokens":1}}'
    added = {
        "tail": b" x",
        "nan": b',"odd":NaN}',
        "control": b',"odd":"\x01"}',
        "byte": b',"odd":"\xff"}',
        "escaped": b',"mod\\u0065l":"third"}',
        "long": b',"odd":' + b"1" * 4301 + b"}",
    }
    return data if not twist else data[:-1] + added[twist]


@settings(max_examples=1500, deadline=None)
@given(bodies(), st.sampled_from(sorted(HOLDS)))
@example(b'{"model":"up","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":9}}', "choices")
def test_what_the_fast_reader_takes_it_takes_as_the_relay_does(data: bytes, holds: str) -> None:
    made = relay(holds)
    shown = made.whole(data)
    if shown is not None:
        assert (shown, *noted(made)) == by_relay(data, holds)


@pytest.mark.parametrize("holds", sorted(HOLDS))
def test_the_many_are_taken(holds: str) -> None:
    usage = {"prompt_tokens": 3, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0}}
    value = {"id": "x", "object": "o", "created": 1, "model": "up", holds: [{"index": 0}], "usage": usage}
    made = relay(holds)
    shown = made.whole(json.dumps(value).encode())
    assert shown is not None and re.search(rb'"model": "public/na\\u00efve"', shown)
    assert made.usage is not None and (made.usage.prompt_tokens, made.usage.cached_tokens) == (3, 1)
