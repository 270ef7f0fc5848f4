"""What becomes of an upstream's answer by a surface that the provider speaks itself: its items, and its usage."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from router.testing.conformance.base import expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.shapes import UNHEARD_OF
from router.testing.conformance.provider.spoken import SpokenSurface, calling, data_of, surfaces_of
from router.testing.conformance.provider.usage import expect_counts, mode
from router.testing.upstream.scripts import Answer, Script

__all__ = ["counted", "events", "uncounted", "whole"]

_PIECES = ("Forty", "-two", " \u2603")
_CUTS = (None, 1, 7, 64)
_ALL_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_AS_IT_CAME = "Give Item(data) with the bytes that came; decode nothing, and write nothing anew."


@PROVIDER.rule(
    "P72",
    "A plain answer by Responses or Messages is one item, byte for byte as it came.",
    remedy=_AS_IT_CAME,
)
def whole(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        made = one.reply(False, *_PIECES, tool_calls=[("weather", '{"city":"Troms\\u00f8"}')])
        assert isinstance(made, Answer), "a wire's plain reply is an Answer"
        text = json.dumps({"x_unheard_of": UNHEARD_OF, **_decoded(made), "x_odd": [1.0, 1e5]}, indent=1)
        _expect_items(one, replace(made, body=text.encode()), stream=False)


@PROVIDER.rule(
    "P73",
    "Its events are items as they came, one each, also those that nobody has heard of, however the stream is cut.",
    remedy=_AS_IT_CAME + " router.upstream.PassedEvents does it.",
)
def events(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        made: Any = one.reply(True, *_PIECES)
        told = list(made.events)
        odd = json.dumps({"type": "of_tomorrow", "x_unheard_of": UNHEARD_OF}, separators=(" , ", " : "))
        told[2:2] = [f"event: of_tomorrow\ndata: {odd}\n\n".encode()]
        for size in _CUTS:
            _expect_items(one, replace(made, events=told, write_size=size), stream=True)


@PROVIDER.rule(
    "P74",
    "The usage of such an answer is read exactly: all counts that the upstream tells, plain and streamed.",
    remedy="Return from reply.read_usage what the object with the usage says: a whole answer, or its first and last "
    "event's object. Keep what comes in pieces in the reply, and nowhere else.",
)
def counted(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        for streamed in (False, True):
            bench.script(one.reply(streamed, *_PIECES))
            expect_counts(bench, one.ask(stream=streamed), _ALL_COUNTS, one.wire.counts)


@PROVIDER.rule(
    "P75",
    "Such an answer without usage is delivered, and its counts are the gateway's estimate, marked as such.",
    remedy="Return None from reply.read_usage where there is no usage. Do not invent counts, not even zeros.",
)
def uncounted(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        for streamed in (False, True):
            bench.script(one.reply(streamed, *_PIECES, **(one.wire.uncounted or {})))
            heard = one.ask(stream=streamed)
            what = f"{one.hook}, {mode(streamed)}"
            expect(heard.status == 200, f"{what}: status {heard.status}: {heard.raw[:300]!r}")
            row = bench.row(heard)
            counts = (row.prompt_tokens, row.completion_tokens)
            expect(row.estimated, f"{what}: the counts {counts} are not marked as estimated")
            expect(row.completion_tokens > 0, f"{what}: an answer of words was counted as no output")


def _expect_items(one: SpokenSurface, script: Script, *, stream: bool) -> None:
    one.bench.script(script)
    with calling(one, one.body(one.bench.wire.model, stream=stream)) as reply:
        found = [item.data for batch in reply for item in batch]
    wanted = data_of(script)
    what = f"{one.hook}, {mode(stream)}"
    expect(len(found) == len(wanted), f"{what}: of {len(wanted)} items that came there are {len(found)}")
    for came, given in zip(wanted, found, strict=True):
        expect(came == given, f"{what}: the upstream said {came[:300]!r}, and the item is {given[:300]!r}")


def _decoded(answer: Answer) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(answer.body) if isinstance(answer.body, bytes | str) else answer.body
    return value
