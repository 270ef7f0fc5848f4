"""Many streams open at once, each a chunk every 50 ms: what arrives, and how late (``streams.c``)."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.load import Target, chat_body
from bench.machine import LOAD_CORE, BenchError, pinned

__all__ = ["INTERVAL_MS", "OpenStreams", "open_streams", "paced_chunks"]

INTERVAL_MS = 50
"""Between two chunks of a stream: 20 a second."""

_RAMP_S = 2.0
_REST_S = 6.0


@dataclass(frozen=True)
class OpenStreams:
    """What the client of the streams saw.

    Attributes:
        failed: streams that were refused, cut, or not at their end six seconds after all should have been.
        chunks_per_s: over all streams, while all were open.
        first_p50_ms: from the request to the first byte of the answer.
        delay_p50_ms, delay_p99_ms: from the upstream's sending of a chunk to its arrival.
    """

    failed: int
    chunks_per_s: float
    first_p50_ms: float
    delay_p50_ms: float
    delay_p99_ms: float


def paced_chunks(seconds: float) -> int:
    """How many chunks a stream needs so that all are open for ``seconds``."""
    return round((_RAMP_S + seconds + 0.5) * 1000 / INTERVAL_MS)


def open_streams(
    program: Path, target: Target, *, count: int, seconds: float, midway: Callable[[], None]
) -> OpenStreams:
    """Open ``count`` streams within two seconds and watch them; ``midway`` is called while all are open.

    Raises:
        BenchError: the client failed, or hardly any stream began.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "request"
        file.write_bytes(target.request("/chat/completions", chat_body(target.model, stream=True, include_usage=True)))
        limit_s = _RAMP_S + seconds + _REST_S
        times = [str(round(value * 1000)) for value in (_RAMP_S, seconds, limit_s)]
        command = pinned(LOAD_CORE, str(program), str(target.port), str(count), *times, str(file))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(_RAMP_S + seconds / 2)
        midway()
        out, complaint = process.communicate(timeout=limit_s + 30)
    if process.returncode:
        raise BenchError(f"{' '.join(command)} failed: {complaint.strip()}")
    told = json.loads(out)
    return OpenStreams(
        failed=count - told["ended"],
        chunks_per_s=told["chunks"] / told["seconds"],
        first_p50_ms=told["first_p50_us"] / 1000,
        delay_p50_ms=told["p50_us"] / 1000,
        delay_p99_ms=told["p99_us"] / 1000,
    )
