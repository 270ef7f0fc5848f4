"""Plugins that are wrong on purpose: each is caught, by load or by conformance, by the rule that it breaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Install = Callable[[Path, str, str, str], None]
Check = Callable[..., "subprocess.CompletedProcess[str]"]

BAD = Path(__file__).with_name("bad")
LOAD = {
    "raises_at_import": ("L03", "JSONDecodeError"),
    "duplicate_name": ("L02", "uninstall one of them"),
    "misspelt_hook": ("L07", "there is no hook 'embedings'; did you mean 'embeddings'?"),
    "wrong_argument": ("L08", "request"),
    "default_value": ("L09", "hook 'chat' gives an argument a default value"),
    "wraps_a_stream": ("L11", "hook 'chat' is a wrapper"),
}
CONFORMANCE = {
    "blocks_the_loop": "P50",
    "leaks_its_key": "P36",
    "drops_unknown_fields": "P15",
    "swallows_usage": "P20",
    "never_closes_the_upstream": "P46",
    "shadows_a_route": "D01",
    "mixes_calls_up": "P60",
    "edits_the_request": "P61",
    "forgets_tool_results": "P62",
    "tools_for_nothing": "P63",
    "blocks_on_errors": "P50",
    "burns_per_chunk": "P51",
    "counts_tools_from_one": "P14",
    "says_nan": "P65",
    "blocks_in_a_policy": "R09",
    "compiles_another_call": "P66",
    "compiles_half_a_wire": "P66",
    "signs_another_body": "P67",
    "renews_with_a_word": "P68",
    "shows_its_key": "P69",
    "offers_by_the_network": "Y01",
    "one_address_for_all": "Y10",
    "chokes_on_notices": "Y20",
}


@pytest.fixture
def check(tmp_path: Path, install: Install) -> Check:
    """``check(name, rule)``: installs one of the bad plugins as ``bad``, and runs ``router plugins check`` on it."""

    def run(name: str, rule: str = "") -> subprocess.CompletedProcess[str]:
        site = tmp_path / "site"
        code = BAD.joinpath(f"{name}.py").read_text(encoding="utf-8")
        install(site, "router-bad", "bad", code)
        if name == "duplicate_name":
            install(site, "router-twin", "bad", code)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "router", "plugins", "check", "bad", "--rule", rule, "--json"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110)

    return run


def test_there_are_twenty_nine() -> None:
    assert {path.stem for path in BAD.glob("*.py")} == LOAD.keys() | CONFORMANCE.keys()
    assert len(LOAD | CONFORMANCE) == 29


@pytest.mark.parametrize(("name", "rule", "words"), [(name, *told) for name, told in LOAD.items()])
def test_caught_at_load(name: str, rule: str, words: str, check: Check) -> None:
    done = check(name)
    assert done.returncode == 1
    assert rule in done.stderr and words in done.stderr, done.stderr


@pytest.mark.parametrize(("name", "rule"), CONFORMANCE.items())
def test_caught_by_conformance(name: str, rule: str, check: Check) -> None:
    done = check(name, rule)
    assert done.returncode == 1, done.stdout + done.stderr
    (result,) = json.loads(done.stdout)["rules"]
    assert (result["id"], result["outcome"]) == (rule, "fail")
    assert result["seen"] and result["remedy"]
