"""How calls end when nobody is at their best: cut, slow and silent upstreams, clients that leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from router.testing.conformance.base import NotOffered, expect
from router.testing.conformance.provider.bench import ASK, HASTY_S, PROVIDER, ProviderBench
from router.testing.conformance.provider.heard import opened
from router.testing.conformance.provider.shapes import halved
from router.testing.conformance.provider.usage import mode
from router.testing.upstream.scripts import Raw, Stream

__all__ = ["long_stream"]

_PATIENCE_S = 5.0


@PROVIDER.rule(
    "P40",
    "A connection that ends before any output is a failure after which another target may be tried.",
    remedy="Let the transport's UpstreamError pass, and never make an answer of an empty stream.",
)
def cut_early(bench: ProviderBench) -> None:
    for streamed in (False, True):
        bench.script(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"))
        heard = bench.ask(bench.spare(), stream=streamed)
        kinds = [attempt.kind for attempt in bench.row(heard).attempts]
        expect(heard.status >= 500, f"{mode(streamed)}: a cut before the body became status {heard.status}")
        expect(set(kinds) <= {"connection", "malformed"}, f"{mode(streamed)}: the cut was taken for {kinds}")


@PROVIDER.rule(
    "P41",
    "A stream that is cut after output ends with an error event, without [DONE].",
    remedy="Set reply.ended only when the upstream has said that the stream is over.",
)
def cut_late(bench: ProviderBench) -> None:
    script = long_stream(bench)
    bench.script(replace(script, events=halved(script), cut_after=len(halved(script)) - 1))
    heard = bench.ask(bench.spare(), stream=True)
    expect(heard.content, f"what came before the cut is lost: {heard.raw[:300]!r}")
    expect(heard.error and not heard.done, f"the client was not told of the cut: {heard.raw[-200:]!r}")
    expect(bench.row(heard).ending == "cut", f"the row's ending is {bench.row(heard).ending!r}, not 'cut'")


@PROVIDER.rule(
    "P42",
    "An upstream that does not answer in time is a timeout, and its connection is closed.",
    remedy="Send through context.transport with context.timeouts, and do no waiting of your own.",
)
def silent(bench: ProviderBench) -> None:
    for streamed in (False, True):
        with _flag() as never:
            bench.script(bench.good_reply(streamed, "Forty", hold=never))
            started = time.monotonic()
            heard = bench.ask(bench.hasty(), stream=streamed)
            waited_s = time.monotonic() - started
            kinds = [attempt.kind for attempt in bench.row(heard).attempts]
            expect(kinds == ["timeout"], f"{mode(streamed)}: silence of {HASTY_S} s was taken for {kinds}")
            expect(waited_s < _PATIENCE_S, f"{mode(streamed)}: a call with {HASTY_S} s took {waited_s:.1f} s")
            _expect_released(bench, f"{mode(streamed)}: after the timeout")


@PROVIDER.rule(
    "P43",
    "A stream that falls silent after output ends with an error event, and its connection is closed.",
    remedy="Read through the response of context.transport: it keeps the idle limit.",
)
def stalled(bench: ProviderBench) -> None:
    with _flag() as never:
        script = long_stream(bench)
        bench.script(replace(script, events=halved(script, never)))
        heard = bench.ask(bench.hasty(), stream=True)
        expect(heard.content, f"what came before the silence is lost: {heard.raw[:300]!r}")
        expect(heard.error and not heard.done, f"the client was not told of the silence: {heard.raw[-200:]!r}")
        _expect_released(bench, "after the stall")


@PROVIDER.rule(
    "P44",
    "When the client leaves, the upstream's connection is closed (on_disconnect = cancel).",
    remedy="Give Reply(close=response.close); do not rely on a generator's finally.",
)
def client_leaves(bench: ProviderBench) -> None:
    with _flag() as never:
        script = long_stream(bench)
        bench.script(replace(script, events=halved(script, never)))
        body = {"model": f"cancelling/{bench.wire.model}", "messages": ASK, "stream": True}
        with opened(bench.gateway.base_url, bench.gateway.api_key, "/chat/completions", body) as response:
            expect(response.status == 200, f"status {response.status}")
            response.read1()
        _expect_released(bench, "after the client had left")


@PROVIDER.rule(
    "P45",
    "A slow upstream within its limits is waited for, however small its pieces.",
    remedy="Collect bytes until a whole event is there: pieces may end inside a line or a character.",
)
def dripping(bench: ProviderBench) -> None:
    script = bench.good_reply(True, "Forty", "-two", " \u2603", write_size=3)
    bench.script(script)
    heard = bench.ask(stream=True)
    expect(heard.content == "Forty-two \u2603" and heard.done, f"in pieces of 3 bytes: {heard.raw[:300]!r}")


@PROVIDER.rule(
    "P46",
    "When the upstream has said that a stream is over, its connection is released, though it stays open there.",
    remedy="Give Reply(close=response.close), and end the stream at the upstream's own last event.",
)
def stays_open(bench: ProviderBench) -> None:
    with _flag() as never:
        script = long_stream(bench)
        last = (b"data: [DONE]\n\n",) if script.done else ()
        bench.script(replace(script, events=[*script.events, *last, never], done=False))
        heard = bench.ask(bench.hasty(), stream=True)
        expect(heard.done, f"the stream did not end with the upstream's last event: {heard.raw[-200:]!r}")
        _expect_released(bench, "after the last event")


def long_stream(bench: ProviderBench) -> Stream:
    """A stream of some length on the plugin's wire.

    Raises:
        NotOffered: it has no streams.
    """
    bench.need("chat")
    bench.need_upstream("streams")
    script: Any = bench.good_reply(True, *"abcdefgh")
    if bench.wire.no_upstream or not isinstance(script, Stream):
        raise NotOffered(bench.wire.no_upstream or "its wire has no streams")
    return script


@contextmanager
def _flag() -> Iterator[threading.Event]:
    """A flag that the upstream waits for in vain, until the rule is over."""
    flag = threading.Event()
    try:
        yield flag
    finally:
        flag.set()


def _expect_released(bench: ProviderBench, when: str) -> None:
    """The upstream has seen its last request hung up on."""
    requests = bench.upstream.wait_for_requests(1)
    try:
        bench.upstream.wait_for(lambda: requests[-1].ending, _PATIENCE_S)
    except TimeoutError:
        expect(False, f"{when} the connection to the upstream was still open {_PATIENCE_S:g} s later")
    expect(requests[-1].ending == "disconnect", f"{when} the upstream's call ended with {requests[-1].ending!r}")
