"""The programs that make load: ``wrk`` from the system, the upstream and the client of open streams from C."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.machine import GATEWAY_CORE, LOAD_CORE, BenchError

__all__ = ["HERE", "Programs", "built", "prepare"]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Programs:
    """Paths of the built programs."""

    upstream: Path
    streams: Path


def prepare(folder: Path) -> Programs:
    """Find the tools, and build ours into ``folder``.

    Raises:
        BenchError: something is missing; the message says how to get it.
    """
    if not {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        raise BenchError("The benchmark needs two cores: one for the gateway, one for the load.")
    _need("taskset", "apt-get install util-linux")
    _need("cc", "apt-get install gcc libc6-dev")
    if shutil.which("wrk") is None:
        _install("wrk")
    _need("wrk", "apt-get install wrk, or build https://github.com/wg/wrk")
    return Programs(built(folder, "upstream"), built(folder, "streams"))


def _need(program: str, remedy: str) -> None:
    if shutil.which(program) is None:
        raise BenchError(f"The benchmark needs the program {program}: {remedy}")


def _install(package: str) -> None:
    """Try the system's packages; whether it worked, the caller sees."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", package]):
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def built(folder: Path, name: str, *, shared: bool = False) -> Path:
    """Compile ``bench/NAME.c`` into ``folder``; the path of the program, or of the shared library.

    Raises:
        BenchError: with the compiler's words.
    """
    target = folder / name
    options = ["-shared", "-fPIC"] if shared else []
    command = ["cc", "-O2", *options, "-o", str(target), str(HERE / f"{name}.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed:\n{done.stderr}")
    return target
