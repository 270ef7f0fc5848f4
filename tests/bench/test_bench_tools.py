"""The programs in C, the plugins that nobody needs, and the stops that a sampled stack belongs to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.load import Target
from bench.machine import GATEWAY_CORE, LOAD_CORE
from bench.plugins import make_plugins
from bench.stages import is_waiting, stage_of
from bench.streams import INTERVAL_MS, open_streams, paced_chunks
from bench.tools import HERE, Programs, built
from bench.upstream import FastUpstream

NEEDED = all(map(shutil.which, ("cc", "taskset"))) and {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0)


@pytest.mark.skipif(not NEEDED, reason="needs cc, taskset and two cores")
def test_open_streams_are_counted_and_timed(tmp_path: Path) -> None:
    programs = Programs(built(tmp_path, "upstream"), built(tmp_path, "streams"))
    midway: list[bool] = []
    with FastUpstream(programs.upstream, chunks=paced_chunks(0.5), interval_ms=INTERVAL_MS) as upstream:
        target = Target(upstream.port, {}, "gpt-4o")
        found = open_streams(programs.streams, target, count=20, seconds=0.5, midway=lambda: midway.append(True))
        assert upstream.calls() == 20
    assert found.failed == 0
    assert 0 < found.chunks_per_s <= 20 * 1000 / INTERVAL_MS * 1.2
    assert 0 <= found.delay_p50_ms <= found.delay_p99_ms
    assert midway == [True]


def test_filler_plugins_are_found_as_installed_ones_are(tmp_path: Path) -> None:
    names = make_plugins(tmp_path, 3)
    code = (
        "from router.plugin_host.registry import load_plugins; print(*(p.name for p in load_plugins().having('chat')))"
    )
    env = {**os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=30)
    assert set(names) <= set(done.stdout.split())


@pytest.mark.parametrize(
    ("stack", "stage"),
    [
        ("serve (router/server/worker.py:1);_key (router/calls/line.py:3);key (router/calls/auth.py:41)", "auth"),
        ("chat (router/calls/line.py:9);loads (json/__init__.py:299)", "dispatch"),
        ("run (router/http1/connection.py:2);wsgi_app (flask/app.py:7);push (flask/ctx.py:1)", "Flask"),
        ("_run (router/db/journal.py:5);_execute_cursor (peewee.py:3914)", "ledger and journal"),
        ("run (gevent/hub.py:631)", "event loop and threads"),
    ],
)
def test_the_innermost_frame_that_a_rule_knows_decides(stack: str, stage: str) -> None:
    assert stage_of(stack) == stage


def test_a_thread_that_waits_for_work_does_not_count() -> None:
    assert is_waiting("ThreadPool._serve (router/db/threads.py:177)")
    commit = "ThreadPool._serve (router/db/threads.py:177);Connection.commit (router/db/connection.py:67)"
    assert is_waiting(f"{commit};Database._execute_cursor (peewee.py:3914)")
    assert not is_waiting("ThreadPool._serve (router/db/threads.py:177);run (router/db/threads.py:70)")
