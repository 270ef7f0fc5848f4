"""``python -m bench.guard``: how many Python functions a call runs, held against the committed figures.

The count does not depend on the machine's speed. Client, server and upstream run in one thread on one event loop, over
real sockets, so that the same things happen in the same order each time; counted are the calls in those greenlets that
serve requests. What runs at times of its own (the journal, the log) falls on some calls, not on all.
"""

# ruff: noqa: E402
from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from greenlet import getcurrent, greenlet

from bench.load import chat_body
from bench.rig import Rig

__all__ = ["Counting", "count_calls", "figures", "main", "verdict"]

GUARD = Path(__file__).with_name("guard.json")
RISE_MAX = 0.10

_WARM_UP, _ROUNDS = 5, 15
_CHUNKS = 50
_INLINED = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})  # no functions any more from Python 3.12 on
_LIBRARIES = ("Flask", "Werkzeug", "gevent", "httptools")
_MODEL = "openai/gpt-4o"
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


def count_calls() -> dict[str, Counter[str]]:
    """Kind of request -> functions and how often they were entered.

    ``stream`` is a stream of 50 chunks in packets of ten; ``chunk`` is what 50 chunks more add to it, and
    ``chunk_alone`` the same where each chunk comes in a packet of its own.
    """
    counting = Counting()
    sys.setprofile(counting)  # before there are greenlets: those that live already would not be seen
    try:
        with tempfile.TemporaryDirectory(prefix="guard-") as folder, Rig(Path(folder), counting.left_out) as rig:
            ask = rig.ask
            found = {
                "chat": counting.of(lambda: ask("/v1/chat/completions", chat_body(_MODEL))),
                "embeddings": counting.of(lambda: ask("/v1/embeddings", _EMBEDDING)),
                "models": counting.of(lambda: ask("/v1/models", None)),
            }
            body = chat_body(_MODEL, stream=True)

            def stream(chunks: int, together: int) -> Counter[str]:
                rig.plan(chunks, together)
                return counting.of(lambda: ask("/v1/chat/completions", body))

            found["stream"] = stream(_CHUNKS, 10)
            found["chunk"] = stream(2 * _CHUNKS, 10) - found["stream"]
            found["chunk_alone"] = stream(2 * _CHUNKS, 1) - stream(_CHUNKS, 1)
    finally:
        sys.setprofile(None)
    return found


def figures(found: dict[str, Counter[str]]) -> dict[str, float]:
    """Function calls for each kind of request, and for each chunk."""
    return {
        kind: round(seen.total() / _CHUNKS, 2) if kind.startswith("chunk") else float(seen.total())
        for kind, seen in found.items()
    }


def verdict(measured: dict[str, float], committed: dict[str, Any]) -> list[str]:
    """What rose by more than a tenth, a sentence each; empty when all is well."""
    allowed: dict[str, float] = committed["calls"]
    return [
        f"{kind}: {value:g} function calls, {value / allowed[kind] - 1:.0%} above the committed {allowed[kind]:g}"
        for kind, value in measured.items()
        if kind in allowed and value > allowed[kind] * (1 + RISE_MAX)
    ]


def main() -> int:
    """Measure, compare, and say what to do; the exit status."""
    options = _parser().parse_args()
    found = count_calls()
    measured = figures(found)
    print(json.dumps(measured))
    if options.top:
        _print_top(found[options.kind], options.top)
    if options.update:
        document = {"calls": measured, "versions": _versions()}
        options.against.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return 0
    committed = json.loads(options.against.read_text(encoding="utf-8"))
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
    parser.add_argument("--top", type=int, default=0, metavar="N", help="list the N functions that run most often")
    parser.add_argument(
        "--kind", default="chat", choices=["chat", "embeddings", "models", "stream", "chunk", "chunk_alone"]
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
