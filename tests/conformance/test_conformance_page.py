"""What ``docs/conformance.md`` says: a wire of one's own, the rules as tests, what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Install = Callable[[Path, str, str, str], None]


def block(page: Path, language: str, beginning: str) -> str:
    """The first code block of a page that begins so."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return next(text for text in blocks if text.startswith(beginning))


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A Python module as a process that has what is installed in ``site``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        [sys.executable, "-m", *command], env=environment, capture_output=True, text=True, timeout=100, cwd=site
    )


def test_the_rules_play_a_plugin_its_own_wire(tmp_path: Path, install: Install, pytestconfig: pytest.Config) -> None:
    docs = pytestconfig.rootpath / "docs"
    install(tmp_path, "router-acme", "acme", block(docs / "plugins.md", "python", '"""Acme\'s text service'))
    (tmp_path / "acme_wire.py").write_text(
        block(docs / "conformance.md", "python", '"""Acme\'s wire'), encoding="utf-8"
    )
    entry_points = tmp_path / "router_acme-2.3.dist-info" / "entry_points.txt"
    named = entry_points.read_text(encoding="utf-8") + "\n[router.wires]\nacme = acme_wire:WIRE\n"
    entry_points.write_text(named, encoding="utf-8")
    done = run(tmp_path, "router", "plugins", "check", "acme", "--json")
    report: Any = json.loads(done.stdout)
    outcomes = {rule["id"]: rule["outcome"] for rule in report["rules"]}
    kept = ("P10", "P18", "P20", "P21", "P22", "P30", "P31", "P36", "P42", "P48", "P50")
    assert {rule: outcomes[rule] for rule in kept} == dict.fromkeys(kept, "pass"), done.stdout
    assert {outcomes[rule] for rule in ("P11", "P12", "P13", "P16", "P19")} == {"not offered"}
    assert outcomes["P15"] == "fail", "it builds its request from a list of known fields"


def test_pytest_collects_one_test_for_each_rule(tmp_path: Path) -> None:
    done = run(tmp_path, "pytest", "-p", "no:cacheprovider", "--router-plugin", "echo", "-v", "-k", "P01 or P10")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped" in done.stdout
    assert re.search(r"router-plugin-echo::P01 PASSED", done.stdout), done.stdout
    listed = run(tmp_path, "pytest", "-p", "no:cacheprovider", "--router-plugin", "echo", "--collect-only", "-q")
    assert len(re.findall(r"^router-plugin-echo::P\d+$", listed.stdout, re.MULTILINE)) > 35, listed.stdout


def test_pytest_says_what_it_cannot_check(tmp_path: Path, install: Install) -> None:
    install(tmp_path, "router-broken", "broken", "import no_such_module")
    for name, word in (("opneai", "did you mean 'openai'"), ("broken", "no_such_module")):
        done = run(tmp_path, "pytest", "-p", "no:cacheprovider", "--router-plugin", name)
        assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
        assert word in done.stderr + done.stdout, done


def test_the_pytest_plugin_imports_nothing_of_the_gateway(tmp_path: Path) -> None:
    probe = "import sys\ndef test(): assert not [m for m in sys.modules if m == 'router' or m.startswith('router.')]\n"
    (tmp_path / "test_probe.py").write_text(probe, encoding="utf-8")
    done = run(tmp_path, "pytest", "-p", "no:cacheprovider", "-q", "test_probe.py")
    assert done.returncode == 0, done.stdout
