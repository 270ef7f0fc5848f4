"""The hot path does not grow unseen: the guard of ``bench/guard.json``, which ``make check`` runs, names what rises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sources import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KINDS = {"chat", "chat_no_policies", "chat_all_policies", "embeddings", "models", "stream"}


def test_a_rise_is_named_with_the_remedy(tmp_path: Path) -> None:
    figures = json.loads((ROOT / "bench" / "guard.json").read_text(encoding="utf-8"))["calls"]
    lower = tmp_path / "lower.json"
    lower.write_text(json.dumps({"calls": {kind: value / 1.5 for kind, value in figures.items()}, "versions": {}}))
    command = [sys.executable, "-m", "bench.guard", "--tries", "1", "--against", str(lower)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 1, done.stderr
    assert re.search(r"chat: \d+ function calls, \d+% above the committed \d+", done.stderr)
    assert "python -m bench.guard --update" in done.stderr
    measured = json.loads(done.stdout)
    assert set(measured["calls"]) == {*KINDS, "chunk", "chunk_alone"}
    assert set(measured["objects"]) in (KINDS, set())  # counted where there is a C compiler
    assert {"sqlite_takes", "sqlite_settles"} == set(measured["batch_calls"]) <= set(measured["batch_statements"])
    assert all(value > 0 for figures in measured.values() for value in figures.values()), measured
    assert measured["calls"]["chat_no_policies"] < measured["calls"]["chat"] < measured["calls"]["chat_all_policies"]
