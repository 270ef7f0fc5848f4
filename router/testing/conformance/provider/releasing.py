"""Whatever becomes of a reply, its connection is given back: seen with a transport that has only one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from router.errors import UpstreamError
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.endings import long_stream
from router.testing.conformance.provider.inside import Inside, inside
from router.testing.conformance.provider.shapes import halved
from router.testing.upstream.scripts import Answer, Raw, Script

__all__ = ["every_ending"]

_PATIENCE_S = 5.0


@PROVIDER.rule(
    "P47",
    "Reply.close releases the upstream whether the reply was read, half read or never begun.",
    remedy="Give Reply(close=response.close): a generator that was never started runs no finally.",
)
def every_ending(bench: ProviderBench) -> None:
    script = long_stream(bench)
    flag = threading.Event()
    held = replace(script, events=halved(script, flag))
    with inside(bench) as hooks:
        for begun in (False, True):
            bench.script(held)
            reply = hooks.chat(True)
            if begun:
                next(iter(reply))
            reply.close()
            what = "half read" if begun else "never begun"
            _expect_hung_up(bench, f"a stream that was {what} and closed")
        bench.script(bench.good_reply(False, "Forty"))
        hooks.chat(False).close()
        _expect_free(bench, hooks, "a plain reply that was never read")
    flag.set()


@PROVIDER.rule(
    "P48",
    "A failed call leaves no connection behind: an error, a page in place of a stream, a cut.",
    remedy="Close the response before raising, also where its status or its type is not what was asked for.",
)
def failed_calls(bench: ProviderBench) -> None:
    bench.need("chat")
    bench.script()
    fault = Answer(b"", status=500)
    page = Answer(b"<html>", headers={"Content-Type": "text/html"})
    cut = Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    error = bench.wire.errors[0].answer() if bench.wire.errors else Answer.error(500)
    failures: dict[str, Script | Raw] = {
        "an error": error,
        "a 500": fault,
        "a page": page,
        "a cut": cut,
    }
    with inside(bench) as hooks:
        for name, failure in failures.items():
            for streamed in (False, True):
                bench.script(failure)
                with contextlib.suppress(Exception), _closing(hooks, streamed):  # P35 is about what it raises
                    pass
                _expect_free(bench, hooks, name)


@contextmanager
def _closing(hooks: Inside, streamed: bool) -> Iterator[None]:
    """A call, its reply read to the end and closed, as the gateway does."""
    reply = hooks.chat(streamed)
    try:
        for _ in reply:
            pass
        yield
    finally:
        reply.close()


def _expect_free(bench: ProviderBench, hooks: Inside, what: str) -> None:
    """The transport's only connection can be had."""
    bench.script(bench.good_reply(False, "Forty"))
    try:
        with _closing(hooks, False):
            pass
    except UpstreamError as error:
        raise Failed(f"after {what}, the next call found no free connection: {error.message}") from None


def _expect_hung_up(bench: ProviderBench, what: str) -> None:
    try:
        bench.upstream.wait_for(lambda: bench.upstream.last.ending, _PATIENCE_S)
    except TimeoutError:
        raise Failed(f"after {what}, the connection was still open {_PATIENCE_S:g} s later") from None
    expect(bench.upstream.last.ending == "disconnect", f"after {what}, the response was read to its end")
