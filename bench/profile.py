"""``python -m bench.profile``: where the worker's time goes under load, sampled from outside by ``py-spy``."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.gateway import BILLED, PLAIN, OurGateway, Setup
from bench.load import chat_body, load
from bench.machine import LOAD_CORE, BenchError, cpu_s, pinned
from bench.report import table, write_between
from bench.stages import STAGES, function_of, is_waiting, stage_of
from bench.streams import INTERVAL_MS, open_streams, paced_chunks
from bench.systems import Upstreams
from bench.tools import prepare
from bench.upstream import FastUpstream

__all__ = ["Profile", "main"]

_RATE = 500
_OPEN = 1000
_OTHER = "event loop and threads"


class Profile:
    """Samples of one kind of load.

    Attributes:
        each_us: processor time of the worker for each call, stream or chunk.
        stacks: stack -> samples.
    """

    def __init__(self, each_us: float, stacks: Counter[str]) -> None:
        self.each_us = each_us
        self.stacks = stacks

    def stages(self) -> dict[str, float]:
        """Stop of the call -> microseconds of each."""
        return self._shared(stage_of)

    def functions(self, count: int) -> list[tuple[str, float]]:
        """The functions with the most time of their own, C code that they call included; microseconds of each."""
        return list(self._shared(function_of).items())[:count]

    def _shared(self, key: Callable[[str], str]) -> dict[str, float]:
        samples: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            samples[key(stack)] += count
        return {name: count / self.stacks.total() * self.each_us for name, count in samples.most_common()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Profile plain calls and streams; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        profiles = _profiles(options.seconds)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = _stage_table(profiles)
    print(text)
    for kind, profile in profiles.items():
        rows = [[name, f"{us:.1f}"] for name, us in profile.functions(options.top)]
        print("\n" + table([f"{kind}: functions by their own time", "µs"], rows))
    if options.write:
        heading = f"{time.strftime('%Y-%m-%d', time.gmtime())}, processor time of the worker in µs."
        write_between("profile", f"{heading}\n\n{text}")
    return 0


def _profiles(seconds: int) -> dict[str, Profile]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        programs = prepare(folder)
        chunks = paced_chunks(seconds)
        fast = stack.enter_context(FastUpstream(programs.upstream))
        paced = FastUpstream(programs.upstream, chunks=chunks, interval_ms=INTERVAL_MS)
        stack.enter_context(paced)
        upstreams = Upstreams(fast.port, paced.port)
        gateway, billed = (_started(stack, folder / str(setup.accounts), upstreams, setup) for setup in (PLAIN, BILLED))

        def plain() -> int:
            return _answers(gateway, seconds, stream=False)

        def charged() -> int:
            return _answers(billed, seconds, stream=False)

        def streams() -> int:
            return _answers(gateway, seconds, stream=True)

        def open_ones() -> int:
            target = gateway.target("paced")
            open_streams(programs.streams, target, count=_OPEN, seconds=seconds, midway=lambda: None)
            return _OPEN * chunks

        plain()
        charged()
        kinds = {
            "chat call": (gateway, plain),
            "with billing": (billed, charged),
            "stream of 50 chunks": (gateway, streams),
            "chunk of 1,000 open streams": (gateway, open_ones),
        }
        return {kind: _sampled(system, folder, seconds, run) for kind, (system, run) in kinds.items()}


def _started(stack: ExitStack, folder: Path, upstreams: Upstreams, setup: Setup) -> OurGateway:
    folder.mkdir()
    gateway = OurGateway(folder, upstreams, setup)
    stack.enter_context(gateway)
    return gateway


def _answers(gateway: OurGateway, seconds: int, *, stream: bool) -> int:
    target = gateway.target()
    body = chat_body(target.model, stream=stream)
    return load(target, "/chat/completions", body, connections=32, seconds=seconds).answers


def _sampled(gateway: OurGateway, folder: Path, seconds: int, run: Callable[[], int]) -> Profile:
    """Run a load undisturbed first, for the processor time of each of its units; then sample where the time goes."""
    workers = gateway.workers()
    used_s = cpu_s(workers)
    units = run()
    used_s = cpu_s(workers) - used_s
    output = folder / "stacks"
    options = ["--rate", str(_RATE), "--duration", str(seconds), "--format", "raw", "--function", "--output"]
    command = pinned(LOAD_CORE, _py_spy(), "record", "--pid", str(workers[0]), *options, str(output))
    sampler = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run()
    complaint = sampler.communicate(timeout=60)[1]
    if sampler.returncode:
        raise BenchError(f"py-spy failed: {complaint.strip()}")
    return Profile(used_s * 1e6 / units, _stacks(output.read_text(encoding="utf-8")))


def _py_spy() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("py-spy", path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise BenchError(f"The profile needs py-spy: {sys.executable} -m pip install py-spy")
    return found


def _stacks(text: str) -> Counter[str]:
    stacks: Counter[str] = Counter()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        if not is_waiting(stack):
            stacks[stack] += int(count)
    return stacks


def _stage_table(profiles: dict[str, Profile]) -> str:
    stages = {kind: profile.stages() for kind, profile in profiles.items()}
    names = [*(name for name, _ in STAGES), _OTHER]
    rows = [[name, *(f"{found.get(name, 0):.1f}" for found in stages.values())] for name in names]
    rows.append(["all", *(f"{profile.each_us:.1f}" for profile in profiles.values())])
    return table(["stop", *stages], rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="how long each load is sampled")
    parser.add_argument("--top", type=int, default=25, metavar="N", help="how many functions are listed")
    parser.add_argument("--write", action="store_true", help="replace the table in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
