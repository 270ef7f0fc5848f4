"""How calls by a surface that the provider speaks itself go wrong, and what is left of them then."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from router.errors import KINDS, UpstreamError
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.inside import inside
from router.testing.conformance.provider.shapes import halved
from router.testing.conformance.provider.spoken import SpokenSurface, surfaces_of
from router.testing.conformance.provider.usage import mode
from router.testing.upstream.scripts import Answer, Raw, Script, Stream
from router.types.records import Reply

__all__ = ["breaks", "no_answers", "releases", "told_kinds"]

_PAGE = Answer(b"<html><body>It works!</body></html>", headers={"Content-Type": "text/html"})
_NO_ANSWERS = {"an HTML page": _PAGE, "an empty body": Answer(b""), "half a JSON object": Answer(b'{"id": "x", "ou')}
_KINDS_OF_CUTS = ("connection", "malformed")


@PROVIDER.rule(
    "P76",
    "By Responses or Messages each documented error has its kind as by chat, on the row and in the client's status.",
    remedy="Raise what error() makes of a status that is no success (HttpProvider.send does); see P30.",
)
def told_kinds(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        for row in one.errors:
            for streamed in (False, True):
                bench.script(row.answer())
                heard = one.ask(bench.spare(), stream=streamed)
                what = f"{one.hook}, {row.name!r} ({mode(streamed)}, upstream status {row.status})"
                kinds = [attempt.kind for attempt in bench.row(heard).attempts]
                expect(kinds == [row.kind], f"{what} is {row.kind}, and was taken for {', '.join(kinds)}")
                expect(heard.status >= 400, f"{what} became status {heard.status}")


@PROVIDER.rule(
    "P77",
    "What came of such a stream before an error in it, a cut or a silence goes on at once, and then the error.",
    remedy="Give events as they come, and never one that did not; answer the upstream's error in reply.read_error.",
)
def breaks(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        script, never = one.long_stream(), threading.Event()
        late = one.wire.late_error
        broken: dict[str, tuple[Callable[[], str], Script]] = {
            "an error": (bench.spare, replace(script, events=halved(script, late), done=False)),
            "a cut": (bench.spare, replace(script, events=halved(script), cut_after=len(halved(script)) - 1)),
            "a silence": (bench.hasty, replace(script, events=halved(script, never))),
        }
        try:
            for name, (model, said) in broken.items():
                _expect_broken(one, name, model(), said)
        finally:
            never.set()


@PROVIDER.rule(
    "P78",
    "A success that is no answer of that surface is a failure, and another target may be tried.",
    remedy="See that a stream is one (HttpProvider.check_stream); the gateway looks at what is in an item.",
)
def no_answers(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        for name, answer in _NO_ANSWERS.items():
            for streamed in (False, True):
                bench.script(answer)
                heard = one.ask(bench.spare(), stream=streamed)
                what = f"{one.hook}, {name} ({mode(streamed)})"
                expect(heard.status >= 500, f"{what} became status {heard.status}: {heard.raw[:200]!r}")
                kinds = [attempt.kind for attempt in bench.row(heard).attempts]
                expect(all(KINDS[kind].falls_back for kind in kinds), f"{what} was taken for {kinds}")


@PROVIDER.rule(
    "P79",
    "Whatever becomes of such a reply, its connection is given back: read, half read, never begun, or failed.",
    remedy="Give Reply(close=response.close), end a stream at the upstream's last event, and close before raising.",
)
def releases(bench: ProviderBench) -> None:
    for one in surfaces_of(bench):
        script = one.long_stream()
        endings: dict[str, tuple[bool, Callable[[Reply], object], Script | Raw]] = {
            "a stream that was never begun": (True, lambda reply: None, script),
            "a stream that was half read": (True, lambda reply: next(iter(reply)), script),
            "a plain answer that was never read": (False, lambda reply: None, one.reply(False, "Forty")),
            "a page in place of a stream": (True, list, _PAGE),
            "an error": (True, list, Answer.error(500)),
            "a cut": (False, list, Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")),
        }
        for name, (streamed, read, said) in endings.items():
            bench.script(said, one.reply(False, "Forty"))
            _expect_released(one, name, streamed, read)
        _expect_over(one, script)


def _expect_broken(one: SpokenSurface, name: str, model: str, script: Script) -> None:
    assert isinstance(script, Stream)
    one.bench.script(script)
    heard = one.ask(model, stream=True)
    what = f"{one.hook}, {name}"
    first: Any = next(iter(script.events))
    kept = first.split(b'"type"')[1][:20]
    expect(heard.status == 200 and kept in heard.raw, f"{what}: what came before it is lost: {heard.raw[:300]!r}")
    last: Any = heard.values[-1] if heard.values else {}
    told = last.get("error") or (last.get("response") or {}).get("error")
    expect(told, f"{what}: the stream ended without an error: {heard.raw[-300:]!r}")
    row = one.bench.row(heard)
    expect(row.ending == "cut", f"{what}: the row's ending is {row.ending!r}, not 'cut'")
    kinds = [attempt.kind for attempt in row.attempts]
    if name == "a cut":
        expect(kinds[-1] in _KINDS_OF_CUTS, f"{what} was taken for {kinds}")
    if name == "a silence":
        expect(kinds[-1] == "timeout", f"{what} was taken for {kinds}")


def _expect_released(one: SpokenSurface, name: str, streamed: bool, read: Callable[[Reply], object]) -> None:
    """After a call that ends in such a way the transport's only connection can be had."""
    bodies = [one.body(one.bench.wire.model, stream=stream) for stream in (streamed, False)]
    with inside(one.bench) as held:
        with contextlib.suppress(UpstreamError), closing(one.hooked(held, bodies[0])) as reply:
            read(reply)  # P76 to P78 are about what is raised
        try:
            with closing(one.hooked(held, bodies[1])) as reply:
                list(reply)
        except UpstreamError as error:
            raise Failed(f"{one.hook}: after {name}, the next call found no free connection: {error.message}") from None


def _expect_over(one: SpokenSurface, script: Stream) -> None:
    """The upstream's last event is the end, though it does not hang up."""
    never = threading.Event()
    try:
        one.bench.script(replace(script, events=[*script.events, never]))
        heard = one.ask(one.bench.hasty(), stream=True)
        ending = one.bench.row(heard).ending
        expect(ending == "ok", f"{one.hook}: a stream whose connection stays open ended as {ending!r}, not 'ok'")
    finally:
        never.set()
