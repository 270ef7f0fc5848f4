"""Plugins of other people's distributions: through real metadata in a folder on the path, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Install = Callable[[Path, str, str, str], None]

LIST = """
import json
from router.errors import ConfigError
from router.plugin_host.registry import load_plugins
try:
    plugins = load_plugins().plugins.values()
    found = {p.name: [p.state, p.distribution, p.version, p.problem] for p in plugins}
except ConfigError as error:
    found = str(error)
print(json.dumps(found))
"""
PLUGIN = """
from router import ModelCard, hookimpl

class Acme:
    @hookimpl
    def models(self):
        return [ModelCard("large")]

plugin = Acme()
"""


def discovered(site: Path) -> Any:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", LIST], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_third_partys_plugin_comes_in_by_the_same_door(tmp_path: Path, install: Install) -> None:
    install(tmp_path, "router-acme", "acme", PLUGIN)
    found = discovered(tmp_path)
    assert found["acme"] == ["loaded", "router-acme", "2.3", ""]
    assert found["echo"][:2] == ["loaded", "tollrouter"]


def test_a_broken_one_does_not_keep_the_others_out(tmp_path: Path, install: Install) -> None:
    install(tmp_path, "router-acme", "acme", PLUGIN)
    install(tmp_path, "router-broken", "broken", "import no_such_module")
    found = discovered(tmp_path)
    assert found["broken"][0] == "failed" and "no_such_module" in found["broken"][3]
    assert found["acme"][0] == found["openai"][0] == "loaded"


def test_a_distribution_that_takes_a_bundled_name_is_refused(tmp_path: Path, install: Install) -> None:
    install(tmp_path, "evil-openai", "openai", PLUGIN)
    found = discovered(tmp_path)
    assert "evil-openai" in found and "tollrouter" in found


def test_both_commands_are_one_program_of_a_distribution_whose_name_is_ours() -> None:
    ours = metadata.distribution("tollrouter").entry_points.select(group="console_scripts")
    assert {one.name: one.value for one in ours} == dict.fromkeys(("router", "tollrouter"), "router.__main__:main")
