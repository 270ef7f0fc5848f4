"""Whether a provider holds the event loop, and with it every other call of its worker."""

from __future__ import annotations

from router.testing.conformance.base import expect
from router.testing.conformance.processes import run_module
from router.testing.conformance.provider.bench import PROVIDER, Bench
from router.testing.upstream.scripts import Answer, Script

__all__ = ["LIMIT_S"]

LIMIT_S = 0.05
"""How long a plugin may hold the loop."""
_ROUNDS = 4
_SOME_ERROR = Answer.error(500)


@PROVIDER.rule(
    "P50",
    f"No call holds the event loop for more than {LIMIT_S * 1000:.0f} ms.",
    remedy="Do I/O through context.transport; move long computations into gevent's thread pool, or out of the call.",
)
def no_holding(bench: Bench) -> None:
    if not bench.wire.no_upstream:
        error: Script = bench.wire.errors[0].answer() if bench.wire.errors else _SOME_ERROR
        each = (bench.good_reply(False, "Forty"), bench.good_reply(True, "Forty", "-two"), error)
        bench.script(*each * _ROUNDS)
    question = {
        "plugin": bench.plugin.name,
        "section": bench.section,
        "model": bench.wire.model,
        "embedding_model": bench.wire.embedding_model,
        "limit_s": LIMIT_S,
        "rounds": _ROUNDS,
    }
    held = run_module("router.testing.conformance.blocking", question)["held"]
    # The first round may warm up what is made once; a busy machine may make one of the others look bad.
    usual = held[1:]
    if all(usual):
        seconds, place = min(usual)
        expect(False, f"each round of calls held the loop, for {seconds * 1000:.0f} ms at least, in {place}")
