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
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.gateway import OurGateway
from bench.load import Load, chat_body, load
from bench.machine import LOAD_CORE, BenchError, cpu_s, pinned
from bench.report import table, write_between
from bench.stages import STAGES, function_of, is_waiting, stage_of
from bench.systems import Upstreams
from bench.tools import prepare
from bench.upstream import FastUpstream

__all__ = ["Profile", "main"]

_RATE = 500
_OTHER = "event loop and threads"


class Profile:
    """Samples of one kind of load.

    Attributes:
        per_call_us: processor time for each call.
        stacks: stack -> samples.
    """

    def __init__(self, per_call_us: float, stacks: Counter[str]) -> None:
        self.per_call_us = per_call_us
        self.stacks = stacks

    def stages(self) -> dict[str, float]:
        """Stop of the call -> microseconds of each call."""
        return self._shared(stage_of)

    def functions(self, count: int) -> list[tuple[str, float]]:
        """The functions with the most time of their own, C code that they call included; microseconds of each call."""
        return list(self._shared(function_of).items())[:count]

    def _shared(self, key: Callable[[str], str]) -> dict[str, float]:
        samples: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            samples[key(stack)] += count
        return {name: count / self.stacks.total() * self.per_call_us for name, count in samples.most_common()}


def main() -> int:
    """Profile plain calls and streams; the exit status."""
    options = _parser().parse_args()
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
        heading = f"{time.strftime('%Y-%m-%d', time.gmtime())}, 32 connections, processor time of the worker in µs."
        write_between("profile", f"{heading}\n\n{text}")
    return 0


def _profiles(seconds: float) -> dict[str, Profile]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        programs = prepare(folder)
        with FastUpstream(programs.upstream) as fast:
            gateway = OurGateway(folder, Upstreams(fast.port, fast.port))
            with gateway:
                target = gateway.target()
                run = partial(load, target, "/chat/completions", connections=32)
                run(body=chat_body(target.model), seconds=2)
                return {
                    "chat call": _sampled(gateway, folder, seconds, partial(run, body=chat_body(target.model))),
                    "stream of 50 chunks": _sampled(
                        gateway, folder, seconds, partial(run, body=chat_body(target.model, stream=True))
                    ),
                }


def _sampled(gateway: OurGateway, folder: Path, seconds: float, run: Callable[..., Load]) -> Profile:
    """Measure the processor time of a call first, undisturbed; then sample where it goes."""
    workers = gateway.workers()
    used_s = cpu_s(workers)
    answers = run(seconds=seconds).answers
    used_s = cpu_s(workers) - used_s
    output = folder / "stacks"
    options = ["--rate", str(_RATE), "--duration", str(round(seconds)), "--format", "raw", "--function", "--output"]
    command = pinned(LOAD_CORE, _py_spy(), "record", "--pid", str(workers[0]), *options, str(output))
    sampler = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run(seconds=seconds + 1)
    complaint = sampler.communicate(timeout=60)[1]
    if sampler.returncode:
        raise BenchError(f"py-spy failed: {complaint.strip()}")
    return Profile(used_s * 1e6 / answers, _stacks(output.read_text(encoding="utf-8")))


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
    rows = [[name, *(f"{found.get(name, 0):.0f}" for found in stages.values())] for name in names]
    rows.append(["all", *(f"{profile.per_call_us:.0f}" for profile in profiles.values())])
    return table(["stop", *stages], rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each load is sampled")
    parser.add_argument("--top", type=int, default=25, metavar="N", help="how many functions are listed")
    parser.add_argument("--write", action="store_true", help="replace the table in bench/RESULTS.md")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
