"""What a request asks for reaches the upstream, or is refused; what comes back is JSON as its standard has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from router.testing.conformance.base import Failed, expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.heard import Heard
from router.testing.conformance.provider.inside import inside
from router.testing.conformance.provider.usage import mode

__all__ = ["json_alone", "wishes"]

_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # 1 x 1, PNG
)
_PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}}
_TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "clock")
]


@dataclass(frozen=True)
class _Wish:
    """Something that a client asks for.

    Attributes:
        name: the request field, or ``image``.
        fields: the request's.
        shown: texts that the upstream must be sent.
        places: where, on OpenAI's wire; the top of the body is the empty place.
    """

    name: str
    fields: Mapping[str, Any]
    shown: Sequence[str]
    places: Sequence[str]


_WISHES = (
    _Wish(
        "image",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, _PICTURE]}]},
        [_PIXEL],
        [""],
    ),
    _Wish("stop", {"stop": ["HALT-1", "HALT-2"]}, ["HALT-1", "HALT-2"], ["stop"]),
    _Wish("max_tokens", {"max_tokens": 4321}, ["4321"], ["max_tokens", "max_completion_tokens"]),
    _Wish("max_completion_tokens", {"max_completion_tokens": 4321}, ["4321"], ["max_tokens", "max_completion_tokens"]),
    _Wish(
        "tool_choice",
        {"tools": _TOOLS, "tool_choice": {"type": "function", "function": {"name": "clock"}}},
        ["clock"],
        ["tool_choice"],
    ),
    _Wish("n", {"n": 3}, ["3"], ["n"]),
)


@PROVIDER.rule(
    "P64",
    "Images, stop, token caps, tool_choice and n reach the upstream where it looks for them, or are refused.",
    remedy="Pass each on under the upstream's own name (which the wire tells in places), or raise UpstreamError("
    "'bad_request', ...) that names the field: a wish that is dropped in silence costs the client its answer.",
)
def wishes(bench: ProviderBench) -> None:
    for wish in _WISHES:
        if wish.name == "tool_choice" and "tools" in bench.wire.lacks:
            continue
        for streamed in (False, True):
            bench.script(bench.good_reply(streamed, "Forty"))
            heard = bench.ask(stream=streamed, **wish.fields)
            if _refuses(heard, wish.name):
                continue
            what = f"{mode(streamed)}: a call with {wish.name}"
            expect(heard.status == 200, f"{what} became status {heard.status}: {heard.raw[:300]!r}")
            places = _places(bench, wish)
            found = json.dumps([bench.sent_at(place) for place in places])
            where = " or ".join(place or "its body" for place in places)
            expect(
                all(text in found for text in wish.shown), f"{what}: the upstream was sent, as {where}, {found[:300]}"
            )


@PROVIDER.rule(
    "P65",
    "Every item is JSON as its standard has it, without NaN and without infinity.",
    remedy="Make items with Item.of, and leave out a number that cannot be told: clients cannot read NaN.",
)
def json_alone(bench: ProviderBench) -> None:
    replies: list[Mapping[str, Any]] = [{}]
    if "tools" not in bench.wire.lacks:
        replies.append({"tool_calls": [("weather", '{"city":"Vardo"}')]})
    for streamed in (False, True):
        for fields in replies:
            bench.script(bench.good_reply(streamed, *([] if fields else ["Forty", "-two"]), **fields))
            with inside(bench) as held:
                reply = held.chat(streamed, **({"tools": _TOOLS} if fields else {}))
                try:
                    texts = [item.data for batch in reply for item in batch]
                finally:
                    reply.close()
            for text in texts:
                _expect_json(text, mode(streamed))


def _places(bench: ProviderBench, wish: _Wish) -> Sequence[str]:
    """Where the upstream looks; anywhere, where the plugin has a wire of its own and does not say."""
    cap = wish.name == "max_completion_tokens"
    known = bench.wire.places.get(wish.name) or (bench.wire.places.get("max_tokens") if cap else None)
    if known:
        return [known]
    if not bench.wire.openai_shaped:
        return [""]
    return [f"{bench.wire.unknown_at}.{place}".strip(".") for place in wish.places]


def _refuses(heard: Heard, name: str) -> bool:
    """Whether the client was told that this is what cannot be had."""
    told = f"{heard.error.get('param')} {heard.error.get('message')}"
    return 400 <= heard.status < 500 and name in told


def _expect_json(text: bytes, what: str) -> None:
    try:
        json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise Failed(f"{what}: an item is no JSON ({error}): {text[:300]!r}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"it has no {name}")
