"""``python -m bench.surfaces``: what it costs to be asked by another wire than chat: Responses and Messages, translated
for an upstream that speaks chat, plain and as streams, the surfaces in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tomlkit

from bench.gateway import BILLED, OurGateway
from bench.load import Load, Target, load
from bench.machine import BenchError, describe
from bench.report import table, write_between
from bench.systems import Upstreams
from bench.tools import prepare
from bench.upstream import FastUpstream

__all__ = ["main"]

_ROUNDS = 3
_SECONDS = 3.0
_CHUNKS = 50
_QUESTION = "Explain quantum computing in one sentence."
_SYSTEM = "You are a helpful assistant."
_MESSAGES = [{"role": "user", "content": _QUESTION}]
_SURFACES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (
        "/chat/completions",
        {"messages": [{"role": "system", "content": _SYSTEM}, *_MESSAGES], "max_tokens": 100},
    ),
    "responses": (
        "/responses",
        {"input": _QUESTION, "instructions": _SYSTEM, "max_output_tokens": 100, "store": False},
    ),
    "messages": ("/messages", {"messages": _MESSAGES, "system": _SYSTEM, "max_tokens": 100}),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
            folder = Path(name)
            fast = stack.enter_context(FastUpstream(prepare(folder).upstream, chunks=_CHUNKS))
            place = folder / "gateway"
            place.mkdir()
            gateway = OurGateway(place, Upstreams(fast.port, 0), BILLED)
            _speak_chat(place / "router.toml", gateway.target().model)
            stack.enter_context(gateway)
            found = _rounds(gateway.target(), options.rounds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = _told(found, options.rounds)
    print(text)
    if options.write:
        write_between("surfaces", text)
    return 0


def _speak_chat(config: Path, model: str) -> None:
    """Let the upstream be one that speaks chat alone: OpenAI's own plugin would pass Responses on as they are."""
    text = config.read_text(encoding="utf-8").replace('kind = "openai"', 'kind = "compatible"\nunlisted = true')
    document = tomlkit.parse(text)
    prices = document.setdefault("prices", tomlkit.table())
    prices[model] = {"input": "2.5", "output": "10"}
    config.write_text(tomlkit.dumps(document), encoding="utf-8")


def _rounds(target: Target, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Surface -> what -> a figure for each round."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in _SURFACES}
    for number in range(rounds + 1):
        for name in _SURFACES:
            for what, figure in _one(target, name).items():
                if number:  # the first warms up
                    found[name].setdefault(what, []).append(figure)
    return found


def _one(target: Target, name: str) -> dict[str, float]:
    plain, stream = _load(target, name, 32), _load(target, name, 32, stream=True)
    alone = _load(target, name, 1, stream=True)
    return {
        "plain calls/s, 32 connections": plain.rate,
        f"streams/s of {_CHUNKS} chunks, 32 connections": stream.rate,
        "chunks/s": stream.rate * _CHUNKS,
        "whole stream alone, p50 ms": alone.p50_ms,
    }


def _load(target: Target, name: str, connections: int, *, stream: bool = False) -> Load:
    path, fields = _SURFACES[name]
    body = {"model": target.model, **fields, **({"stream": True} if stream else {})}
    done = load(target, path, json.dumps(body).encode("ascii"), connections=connections, seconds=_SECONDS)
    if done.failed:
        raise BenchError(f"{done.failed} calls of {name} failed")
    return done


def _told(found: dict[str, dict[str, list[float]]], rounds: int) -> str:
    rows = []
    for what in found["chat"]:
        middle = [statistics.median(found[name][what]) for name in _SURFACES]
        rows.append([what, *(f"{figure:,.2f}" if figure < 100 else f"{figure:,.0f}" for figure in middle)])
    machine = "; ".join(f"{name} {value}" for name, value in describe().items())
    day = time.strftime("%Y-%m-%d", time.gmtime())
    head = f"`python -m bench.surfaces`, {day}, medians of {rounds} rounds in turns, with billing.\n\n{machine}."
    return f"{head}\n\n{table(['what', *_SURFACES], rows)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.surfaces", description=__doc__)
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how many rounds count")
    parser.add_argument("--write", action="store_true", help="replace the table in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
