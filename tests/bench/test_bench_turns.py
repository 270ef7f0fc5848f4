"""The floor as a program, another commit's tree, and gateways that run already."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from bench.floor import Floor
from bench.load import chat_body
from bench.machine import GATEWAY_CORE, LOAD_CORE, BenchError
from bench.peers import Running
from bench.systems import Upstreams
from bench.tools import HERE, built
from bench.trees import OWN, checked_out
from bench.turns import NONE, is_turn, of_tree
from bench.upstream import FastUpstream

NEEDED = all(map(shutil.which, ("cc", "taskset"))) and {GATEWAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0)


@pytest.mark.skipif(not NEEDED, reason="needs cc, taskset and two cores")
def test_the_floor_serves_plain_calls_and_streams_under_the_public_name(tmp_path: Path) -> None:
    program = built(tmp_path, "upstream")
    with (
        FastUpstream(program) as fast,
        FastUpstream(program, chunks=3, interval_ms=1) as dripped,
        Floor(tmp_path, Upstreams(fast.port, 0, dripped.port)) as floor,
    ):
        assert len(floor.workers()) == 2
        answer = json.loads(ask(floor.target().port, chat_body("openai/gpt-4o")))
        assert answer["model"] == "openai/gpt-4o"
        assert answer["usage"]["completion_tokens"] > 0
        body = chat_body("openai/gpt-4o", stream=True, include_usage=True)
        for upstream in ("fast", "dripped"):
            events = ask(floor.target(upstream).port, body).decode().strip().split("\n\n")
            assert events[-1] == "data: [DONE]"
            assert {json.loads(event[6:])["model"] for event in events[:-1]} == {"openai/gpt-4o"}


def ask(port: int, body: bytes) -> bytes:
    headers = {"Authorization": "Bearer sk-any", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        return bytes(response.read())


@pytest.mark.skipif(not (HERE.parent / ".git").exists(), reason="needs the history")
def test_another_commit_is_served_from_its_own_files(tmp_path: Path) -> None:
    tree = checked_out("HEAD", tmp_path)
    code = "import router, router_plugins.openai as one; print(router.__file__, one.__file__)"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, tree.path))}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=60
    )  # the working folder comes first
    assert all(Path(place).is_relative_to(tmp_path) for place in done.stdout.split())
    assert of_tree(NONE, OWN) == NONE
    assert is_turn(of_tree(NONE, tree))
    with pytest.raises(BenchError, match="--against no-such-commit"):
        checked_out("no-such-commit", tmp_path / "other")


def test_a_running_gateway_is_named_with_its_key_and_model() -> None:
    peer = Running("theirs=http://127.0.0.1:4000/openai/v1,sk-x,gpt-4o")
    target = peer.target()
    assert (peer.name, target.port, target.base, target.model) == ("theirs", 4000, "/openai/v1", "gpt-4o")
    assert target.headers == {"Authorization": "Bearer sk-x"}


@pytest.mark.parametrize("text", ["theirs", "theirs=http://127.0.0.1:4000/v1", "theirs=https://api.example.com/v1,k,m"])
def test_load_goes_to_this_machine_only(text: str) -> None:
    with pytest.raises(BenchError, match="--peer"):
        Running(text)
