"""What the line and accounting cost: the floor, and gateways without policies and with all of them.

They are loaded in turns, another commit's too where one is named, so that a busy moment of the machine falls on all
alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench.floor import Floor
from bench.gateway import PLAIN, OurGateway, Setup
from bench.load import Load, Target, chat_body, load
from bench.machine import GATEWAY_CORE, LOAD_CORE, cpu_s, fsync_ms
from bench.measure import Figures, Plan
from bench.postgres import postgresql
from bench.systems import System, Upstreams
from bench.trees import OWN, Tree

__all__ = ["FLOOR", "MANY", "NODES", "NONE", "ONE", "POSTGRESQL", "TWO", "is_turn", "measure_turns", "of_tree"]

FLOOR, NONE, ONE, MANY = "floor", "no policies", "one account", "100 accounts"
POSTGRESQL, NODES, TWO = "PostgreSQL", "two nodes", "two workers"
_CASES = (FLOOR, NONE, ONE, MANY, POSTGRESQL, NODES, TWO)
_ROUNDS = 5
_BOTH_CORES = f"{GATEWAY_CORE},{LOAD_CORE}"


@dataclass(frozen=True)
class _Case:
    """One column.

    Attributes:
        systems: whose processor time counts.
        targets: loaded at the same time.
        loads: which of ``_LOADS``.
    """

    systems: Sequence[System]
    targets: Sequence[Callable[[str], Target]]
    loads: Sequence[str]


_LOADS: Mapping[str, tuple[str, int, bool]] = {
    "chat_1": ("fast", 1, False),
    "chat_32": ("fast", 32, False),
    "streams": ("fast", 32, True),
    "dripped": ("dripped", 32, True),
}
"""Load -> upstream, connections, streamed."""
_CHATS = ("chat_1", "chat_32")


def of_tree(case: str, tree: Tree) -> str:
    """The column of a case that another commit serves."""
    return case if tree is OWN else f"{case}, {tree.name}"


def is_turn(name: str) -> bool:
    """Whether a column is one of those that are loaded in turns."""
    return name.partition(", ")[0] in _CASES


def measure_turns(
    folder: Path, plan: Plan, upstreams: Upstreams, trees: Sequence[Tree], peers: Sequence[System] = ()
) -> dict[str, Figures]:
    """Case -> its figures, medians of several rounds.

    With policies, each call has eleven claims beside that on the balance: five limits of its key, five of its account,
    and the key's budget. ``PostgreSQL`` has one account on one core; ``two nodes`` are two gateways on its database,
    and ``two workers`` one on SQLite, which share both cores with the load.

    Args:
        trees: of this commit, and of those to compare it with.
        peers: other systems that run already.
    """
    with ExitStack() as stack:
        start = partial(_started, stack, folder, upstreams)
        floor = Floor(folder / "floor", upstreams)
        stack.enter_context(floor)
        cases = {FLOOR: _Case([floor], [floor.target], list(_LOADS))}
        cases |= {peer.name: _Case([peer], [peer.target], ["chat_1", "chat_32", "streams"]) for peer in peers}
        url = stack.enter_context(postgresql(folder / "postgresql"))
        for number, tree in enumerate(trees):
            cases |= _of_one_tree(start, tree, url if not number else _another(url, number))
        found = _in_turns(cases, plan)
        found[NONE]["fsync_ms"] = fsync_ms(folder)["p50"]
    with ExitStack() as stack:
        start = partial(_started, stack, folder, upstreams)
        url = stack.enter_context(postgresql(folder / "postgresql-of-two"))
        pair = start(Setup(TWO, accounts=1, workers=2, cores=_BOTH_CORES))
        node = Setup(f"{NODES} 1", accounts=1, database_url=url)
        nodes = start(node), start(replace(node, name=f"{NODES} 2", cores=str(LOAD_CORE)))
        shared = {
            TWO: _Case([pair], [pair.target], _CHATS),
            NODES: _Case(nodes, [one.target for one in nodes], ["chat_32"]),
        }
        return found | _in_turns(shared, plan)


def _of_one_tree(start: Callable[[Setup], OurGateway], tree: Tree, url: str) -> dict[str, _Case]:
    name = partial(of_tree, tree=tree)
    plain = start(replace(PLAIN, name=name(NONE), tree=tree))
    billed = start(Setup(name(MANY), accounts=100, tree=tree))
    server = start(Setup(name(POSTGRESQL), accounts=1, database_url=url, tree=tree))
    cases = {
        name(NONE): _Case([plain], [plain.target], list(_LOADS)),
        name(ONE): _Case([billed], [billed.one_account], list(_LOADS)),
        name(POSTGRESQL): _Case([server], [server.target], _CHATS),
    }
    if tree is OWN:
        cases[name(MANY)] = _Case([billed], [billed.target], _CHATS)
    return cases


def _another(url: str, number: int) -> str:
    """A further database of the same server."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE bench{number}")
    return urlsplit(url)._replace(path=f"/bench{number}").geturl()


def _started(stack: ExitStack, folder: Path, upstreams: Upstreams, setup: Setup) -> OurGateway:
    place = folder / f"turns {setup.name}".replace("/", "-")
    place.mkdir()
    gateway = OurGateway(place, upstreams, setup)
    stack.enter_context(gateway)
    return gateway


def _in_turns(cases: dict[str, _Case], plan: Plan) -> dict[str, Figures]:
    rounds: dict[str, list[Figures]] = {name: [] for name in cases}
    for case in cases.values():
        _load(case, "chat_32", seconds=2)
    for _ in range(_ROUNDS):
        for figures in rounds.values():
            figures.append({"failed": 0.0})
        for name in _LOADS:
            for column, case in cases.items():
                if name in case.loads:
                    _note(rounds[column][-1], name, *_load(case, name, seconds=plan.seconds / 2))
    return {name: {one: statistics.median(f[one] for f in runs) for one in runs[0]} for name, runs in rounds.items()}


def _note(figures: Figures, name: str, found: Sequence[Load], used_us: float) -> None:
    figures[f"{name}_per_s"] = sum(one.rate for one in found)
    figures[f"{name}_p50_ms"] = max(one.p50_ms for one in found)
    figures[f"{name}_p99_ms"] = max(one.p99_ms for one in found)
    figures["failed"] += sum(one.failed for one in found)
    if used_us:
        figures[f"{name}_cpu_us"] = used_us


def _load(case: _Case, name: str, *, seconds: float) -> tuple[Sequence[Load], float]:
    """A load, and the processor time of a call in microseconds; 0 where it cannot be told."""
    upstream, connections, streamed = _LOADS[name]

    def run(target: Target) -> Load:
        body = chat_body(target.model, stream=streamed, include_usage=streamed)
        each = max(1, connections // len(case.targets))
        return load(target, "/chat/completions", body, connections=each, seconds=seconds)

    workers = [pid for system in case.systems for pid in system.workers()]
    used_s = cpu_s(workers)
    with ThreadPoolExecutor(len(case.targets)) as pool:
        found = list(pool.map(run, [make(upstream) for make in case.targets]))
    return found, (cpu_s(workers) - used_s) * 1e6 / max(1, sum(one.answers for one in found))
