"""``python -m router`` as a program: exit status, what goes to which stream, how fast it starts."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from router import __version__

pytestmark = pytest.mark.slow

SLOW = ("gevent", "flask", "requests", "peewee", "marshmallow", "tomlkit", "httptools")

LIST_MODULES = """
import sys
from router.cli.main import cli
try:
    cli.main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def run(*args: str | bytes, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "router", *args],
        cwd=cwd,
        env={**environment, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_first_steps(tmp_path: Path) -> None:
    made = run("init", "--dir", "gateway", "--json", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    first = json.loads(made.stdout)
    config = tmp_path / "gateway" / "router.toml"
    assert first["config"] == str(config)
    assert {"account", "api_key", "operator_secret"} <= set(first)
    assert "shown this once" in made.stderr

    where = {"ROUTER_CONFIG": str(config)}
    key = json.loads(run("keys", "create", "--account", first["account"], "--json", cwd=tmp_path, env=where).stdout)
    assert key["id"].startswith("key_")
    assert key["api_key"].startswith("sk-")
    listed = run("keys", "list", "--config", str(config), "--json", cwd=tmp_path)
    assert [row["hint"] for row in json.loads(listed.stdout)] == [first["api_key"][-4:], key["api_key"][-4:]]
    assert json.loads(run("usage", "show", "--json", cwd=config.parent).stdout) == []


def test_a_refusal_is_status_1_and_wrong_usage_status_2(tmp_path: Path) -> None:
    refused = run("keys", "list", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "there is no configuration at router.toml: run `router init`" in refused.stderr
    document = run("keys", "list", "--json", cwd=tmp_path)
    assert json.loads(document.stdout)["error"]["code"] == "invalid_configuration"

    usage = run("keyz", "list", cwd=tmp_path)
    assert (usage.returncode, usage.stdout) == (2, "")
    assert "did you mean 'keys'?" in usage.stderr


def test_arguments_that_are_no_text_are_refused(tmp_path: Path) -> None:
    done = run("accounts", "create", b"\xff\xfe", cwd=tmp_path)
    assert done.returncode == 2
    assert "argument 3 is not UTF-8 text" in done.stderr


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "router", "models", "--help"]
    done = subprocess.run(command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, timeout=30, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def processor_s(*command: str) -> float:
    """Processor seconds that a command takes: unlike the clock, they do not tell how busy the machine is."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_starts_fast_and_imports_nothing_heavy(tmp_path: Path, option: str) -> None:
    done = run(option, cwd=tmp_path)
    assert done.returncode == 0
    assert (f"router {__version__}\n" == done.stdout) == (option == "--version")
    bare_s = min(processor_s(sys.executable, "-c", "import click") for _ in range(3))
    assert min(processor_s(sys.executable, "-m", "router", option) for _ in range(3)) < 5 * bare_s

    loaded = subprocess.run([sys.executable, "-c", LIST_MODULES, option], capture_output=True, text=True, check=True)
    assert not set(SLOW) & {name.partition(".")[0] for name in loaded.stderr.split()}
