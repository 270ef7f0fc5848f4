"""``python -m bench.guard``: how many Python functions a call runs, and how many objects it allocates, held against the
committed figures.

The counts do not depend on the machine's speed. Client, server and upstream run in one thread on one event loop, over
real sockets, so that the same things happen in the same order each time; counted are the calls in those greenlets that
serve requests. What runs at times of its own (the journal, the log) falls on some calls, not on all: batches of the
journal are counted by themselves (``bench.batches``).
"""

# ruff: noqa: E402
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from greenlet import getcurrent, greenlet

from bench.allocations import Allocations
from bench.batches import count_batches
from bench.load import chat_body
from bench.rig import Rig

__all__ = ["Counting", "count_calls", "figures", "main", "verdict"]

GUARD = Path(__file__).with_name("guard.json")
RISE_MAX = 0.03

_WARM_UP, _ROUNDS, _TRIES = 5, 15, 5
_CHUNKS = 50
_INLINED = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})  # no functions any more from Python 3.12 on
_LIBRARIES = ("Flask", "Werkzeug", "gevent", "httptools")
_MODEL = "openai/gpt-4o"
_POLICIES = ("usual", "no", "all")
_PLAIN_KINDS = ("chat", "embeddings", "models", "stream", "chunk", "chunk_alone")
_NAMES = {
    "calls": "function calls",
    "objects": "objects allocated",
    "batch_statements": "statements a batch",
    "batch_calls": "function calls a batch",
}
_EMBEDDING = b'{"model":"openai/text-embedding-3-small","input":"The food was delicious."}'


class Counting:
    """Counts the Python functions that are entered, in all greenlets but those left out.

    Attributes:
        left_out: greenlets that serve no request.
        seen: function -> how often it was entered.
    """

    def __init__(self) -> None:
        self.left_out: set[greenlet] = set()
        self.seen: Counter[str] = Counter()

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or getcurrent() in self.left_out:
            return
        code = frame.f_code
        if code.co_name not in _INLINED:
            self.seen[f"{_short(code.co_filename)}:{code.co_qualname}"] += 1

    def of(self, run: Callable[[], None]) -> Counter[str]:
        """What ``run()`` makes the server do, in that one of many rounds into which nothing else fell."""
        for _ in range(_WARM_UP):
            run()
        return min((self._round(run) for _ in range(_ROUNDS)), key=Counter.total)

    def _round(self, run: Callable[[], None]) -> Counter[str]:
        seen = self.seen = Counter()
        run()
        self.seen = Counter()
        return seen


def count_calls(committed: dict[str, float], tries: int = _TRIES) -> dict[str, Counter[str]]:
    """Kind of request -> functions and how often they were entered, with the policies that ``router init`` leaves.

    ``chat_no_policies`` and ``chat_all_policies`` are plain calls without any, and with every limit and a budget.

    ``stream`` is a stream of 50 chunks in packets of ten; ``chunk`` is what 50 chunks more add to it, and
    ``chunk_alone`` the same where each chunk comes in a packet of its own.

    On a busy machine packets come in more pieces, which take more calls, never fewer: so all is counted up to
    ``tries`` times as long as something is above what is committed, and the lowest count of each kind stands.
    """
    lowest = _count_once()
    for _ in range(tries - 1):
        if not verdict({"calls": figures(_with_chunks(lowest))}, {"calls": committed}):
            break
        again = _count_once()
        lowest = {kind: min(seen, again[kind], key=Counter.total) for kind, seen in lowest.items()}
    return _with_chunks(lowest)


def _count_once() -> dict[str, Counter[str]]:
    counting = Counting()
    sys.setprofile(counting)  # before there are greenlets: those that live already would not be seen
    found: dict[str, Counter[str]] = {}
    try:
        for policies in _POLICIES:
            folder = tempfile.TemporaryDirectory(prefix="guard-")
            with folder as place, Rig(Path(place), counting.left_out, policies) as rig:
                for name, run in _kinds(rig, policies).items():
                    found[name] = counting.of(run)
    finally:
        sys.setprofile(None)
    return found


def _with_chunks(found: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    kinds = {name: seen for name, seen in found.items() if not name.startswith("_")}
    chunk, alone = found["_longer"] - found["stream"], found["_alone_longer"] - found["_alone"]
    return kinds | {"chunk": chunk, "chunk_alone": alone}


def count_objects(committed: dict[str, float], tries: int = _TRIES) -> dict[str, int]:
    """Kind of request -> objects that are allocated for it; empty where there is no C compiler.

    Counted again as long as something is above what is committed, as ``count_calls`` does, and for its reason.
    """
    if shutil.which("cc") is None:
        return {}
    left_out: set[greenlet] = set()
    allocations = Allocations(left_out)
    lowest = _count_objects_once(allocations, left_out)
    for _ in range(tries - 1):
        if not verdict({"objects": {kind: float(count) for kind, count in lowest.items()}}, {"objects": committed}):
            break
        again = _count_objects_once(allocations, left_out)
        lowest = {kind: min(count, again[kind]) for kind, count in lowest.items()}
    return lowest


def _count_objects_once(allocations: Allocations, left_out: set[greenlet]) -> dict[str, int]:
    found = {}
    for policies in _POLICIES:
        with tempfile.TemporaryDirectory(prefix="guard-") as folder, Rig(Path(folder), left_out, policies) as rig:
            for name, run in _kinds(rig, policies).items():
                if not name.startswith("_"):
                    found[name] = allocations.of(run, warm_up=_WARM_UP, rounds=_ROUNDS)
    return found


def _kinds(rig: Rig, policies: str) -> dict[str, Callable[[], None]]:
    chat, streamed = chat_body(_MODEL), chat_body(_MODEL, stream=True)
    if policies != "usual":
        return {f"chat_{policies}_policies": lambda: rig.ask("/v1/chat/completions", chat)}

    def stream(chunks: int, together: int) -> Callable[[], None]:
        def run() -> None:
            rig.plan(chunks, together)
            rig.ask("/v1/chat/completions", streamed)

        return run

    return {
        "chat": lambda: rig.ask("/v1/chat/completions", chat),
        "embeddings": lambda: rig.ask("/v1/embeddings", _EMBEDDING),
        "models": lambda: rig.ask("/v1/models", None),
        "stream": stream(_CHUNKS, 10),
        "_longer": stream(2 * _CHUNKS, 10),
        "_alone_longer": stream(2 * _CHUNKS, 1),
        "_alone": stream(_CHUNKS, 1),
    }


def figures(found: dict[str, Counter[str]]) -> dict[str, float]:
    """Function calls for each kind of request, and for each chunk."""
    return {
        kind: round(seen.total() / _CHUNKS, 2) if kind.startswith("chunk") else float(seen.total())
        for kind, seen in found.items()
    }


def verdict(measured: dict[str, dict[str, float]], committed: dict[str, Any]) -> list[str]:
    """What rose by more than three hundredths, a sentence each; empty when all is well."""
    return [
        f"{kind}: {value:g} {_NAMES[what]}, {value / allowed[kind] - 1:.0%} above the committed {allowed[kind]:g}"
        for what, figures in measured.items()
        for allowed in [committed.get(what, {})]
        for kind, value in figures.items()
        if kind in allowed and value > allowed[kind] * (1 + RISE_MAX)
    ]


def main() -> int:
    """Measure, compare, and say what to do; the exit status."""
    options = _parser().parse_args()
    committed = json.loads(options.against.read_text(encoding="utf-8"))
    found = count_calls(committed.get("calls", {}), options.tries)
    objects = count_objects(committed.get("objects", {}), options.tries)
    measured = {"calls": figures(found), "objects": {kind: float(count) for kind, count in objects.items()}}
    measured["batch_statements"], measured["batch_calls"] = count_batches()
    print(json.dumps(measured))
    if options.top:
        _print_top(found[options.kind], options.top)
    if options.update:
        document = {**measured, "versions": _versions()}
        options.against.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return 0
    rises = verdict(measured, committed)
    if rises:
        print("The hot path does more than it did:", *rises, sep="\n  ", file=sys.stderr)
        print(_remedy(committed["versions"]), file=sys.stderr)
    return 1 if rises else 0


def _remedy(versions: dict[str, str]) -> str:
    other = [
        f"{name} {value} (then {versions.get(name)})"
        for name, value in _versions().items()
        if value != versions.get(name)
    ]
    libraries = f"\nOther versions than at that time: {', '.join(other)}." if other else ""
    return (
        "`python -m bench.guard --top 30` lists the functions. If the work is wanted, commit the new figures:"
        f" `python -m bench.guard --update`.{libraries}"
    )


def _print_top(seen: Counter[str], count: int) -> None:
    for name, times in seen.most_common(count):
        print(f"{times:6} {name}", file=sys.stderr)


def _versions() -> dict[str, str]:
    python = ".".join(map(str, sys.version_info[:2]))
    return {"Python": python} | {name: metadata.version(name) for name in _LIBRARIES}


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-3:])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__)
    parser.add_argument("--update", action="store_true", help="commit to what is measured now: write bench/guard.json")
    parser.add_argument("--against", type=Path, default=GUARD, metavar="FILE", help="the committed figures")
    parser.add_argument(
        "--tries", type=int, default=_TRIES, metavar="N", help="count so often before a rise is believed"
    )
    parser.add_argument("--top", type=int, default=0, metavar="N", help="list the N functions that run most often")
    parser.add_argument(
        "--kind",
        default="chat",
        choices=[*_PLAIN_KINDS, "chat_no_policies", "chat_all_policies"],
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
