"""What accounting costs: gateways without policies and with all of them, loaded in turns so that a busy moment of the
machine falls on all alike."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.gateway import BILLED, PLAIN, OurGateway, Setup
from bench.load import Load, Target, chat_body, load
from bench.machine import GATEWAY_CORE, LOAD_CORE, cpu_s, fsync_ms
from bench.measure import Figures, Plan
from bench.postgres import postgresql
from bench.systems import Upstreams

__all__ = ["CASES", "MANY", "NONE", "ONE", "POSTGRESQL", "TWO", "measure_billing"]

NONE, MANY, ONE, POSTGRESQL, TWO = "no policies", "100 accounts", "one account", "PostgreSQL", "two workers"
CASES = (NONE, MANY, ONE, POSTGRESQL, TWO)
_ROUNDS = 5
_CONNECTIONS = (1, 32)


def measure_billing(folder: Path, plan: Plan, upstreams: Upstreams) -> dict[str, Figures]:
    """Case -> its figures, medians of several rounds.

    With policies, each call has eleven claims beside that on the balance: five limits of its key, five of its account,
    and the key's budget. ``PostgreSQL`` has 100 accounts, ``two workers`` one account and both cores, which they share
    with the load.
    """
    with ExitStack() as stack:
        url = stack.enter_context(postgresql(folder / "postgresql"))
        start = partial(_started, stack, folder, upstreams)
        plain, billed = start(PLAIN), start(BILLED)
        server = start(Setup(POSTGRESQL, accounts=100, database_url=url))
        cases = {
            NONE: (plain, plain.target()),
            MANY: (billed, billed.target()),
            ONE: (billed, billed.one_account()),
            POSTGRESQL: (server, server.target()),
        }
        found = _in_turns(cases, plan)
        found[NONE]["fsync_ms"] = fsync_ms(folder)["p50"]
    with ExitStack() as stack:
        cores = f"{GATEWAY_CORE},{LOAD_CORE}"
        pair = _started(stack, folder, upstreams, Setup(TWO, accounts=1, workers=2, cores=cores))
        return found | _in_turns({TWO: (pair, pair.target())}, plan)


def _started(stack: ExitStack, folder: Path, upstreams: Upstreams, setup: Setup) -> OurGateway:
    place = folder / f"billing {setup.name}"
    place.mkdir()
    gateway = OurGateway(place, upstreams, setup)
    stack.enter_context(gateway)
    return gateway


def _in_turns(cases: dict[str, tuple[OurGateway, Target]], plan: Plan) -> dict[str, Figures]:
    rounds: dict[str, list[Figures]] = {name: [] for name in cases}
    for gateway, target in cases.values():
        _calls(gateway, target, connections=32, seconds=2)
    for _ in range(_ROUNDS):
        for name, (gateway, target) in cases.items():
            figures: Figures = {"failed": 0.0}
            for connections in _CONNECTIONS:
                found, used_us = _calls(gateway, target, connections=connections, seconds=plan.seconds / 2)
                case = f"chat_{connections}"
                figures |= {f"{case}_per_s": found.rate, f"{case}_p50_ms": found.p50_ms, f"{case}_p99_ms": found.p99_ms}
                figures |= {f"{case}_cpu_us": used_us, "failed": figures["failed"] + found.failed}
            rounds[name].append(figures)
    return {name: {one: statistics.median(f[one] for f in runs) for one in runs[0]} for name, runs in rounds.items()}


def _calls(gateway: OurGateway, target: Target, *, connections: int, seconds: float) -> tuple[Load, float]:
    """A load, and the processor time of a call in microseconds."""
    used_s = cpu_s(gateway.workers())
    found = load(target, "/chat/completions", chat_body(target.model), connections=connections, seconds=seconds)
    return found, (cpu_s(gateway.workers()) - used_s) * 1e6 / max(1, found.answers)
