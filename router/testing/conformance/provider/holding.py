"""Whether a provider holds the event loop, and with it every other call of its worker; what a stream costs it."""

from __future__ import annotations

import time

from router.testing.conformance.base import expect
from router.testing.conformance.processes import run_module
from router.testing.conformance.provider.bench import PROVIDER, ProviderBench
from router.testing.conformance.provider.endings import long_stream
from router.testing.conformance.provider.inside import inside
from router.testing.upstream.scripts import Answer, Script
from router.testing.upstream.server import Handler

__all__ = ["CHUNK_S", "LIMIT_S"]

LIMIT_S = 0.05
"""How long a plugin may hold the loop."""
CHUNK_S = 0.001
"""How much processor time a chunk of a stream may cost, the transport's part included."""
_CHUNKS = 300
_ROUNDS = 4
_SOME_ERROR = Answer.error(500)


@PROVIDER.rule(
    "P50",
    f"No call holds the event loop for more than {LIMIT_S * 1000:.0f} ms.",
    remedy="Do I/O through context.transport; move long computations into gevent's thread pool, or out of the call.",
)
def no_holding(bench: ProviderBench) -> None:
    if not bench.wire.no_upstream:
        error: Script = bench.wire.errors[0].answer() if bench.wire.errors else _SOME_ERROR
        each: tuple[Script | Handler, ...] = (
            bench.good_reply(False, "Forty"),
            bench.good_reply(True, "Forty", "-two"),
            error,
        )
        if bench.wire.embedding_model and "embeddings" in bench.plugin.hooks:
            each = (*each, bench.upstream.unscripted)
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


@PROVIDER.rule(
    "P51",
    f"A chunk of a stream costs no more than {CHUNK_S * 1000:g} ms of processor time.",
    remedy="Do not go over the whole answer again with each chunk, nor decode or compute what nobody asked for.",
)
def cheap_chunks(bench: ProviderBench) -> None:
    long_stream(bench)  # or it has none
    script = bench.good_reply(True, *["word "] * _CHUNKS)
    costs = []
    for _ in range(_ROUNDS):
        bench.script(script)
        with inside(bench) as held:
            started_s = time.thread_time()  # what others do at the same time does not count
            reply = held.chat(True)
            try:
                chunks = sum(len(batch) for batch in reply)
            finally:
                reply.close()
            costs.append((time.thread_time() - started_s) / max(1, chunks))
    expect(min(costs) <= CHUNK_S, f"each of {_CHUNKS} chunks cost {min(costs) * 1000:.1f} ms of processor time at best")
