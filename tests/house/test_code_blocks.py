"""What the pages show as code is code: Python compiles, TOML is a configuration that is accepted, commands exist."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import textwrap
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from certificates import make_pair
from sources import ROOT, plugin_commands

from router.cli.main import Root, cli

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "plugins/README.md"]
ADVISING = [*PAGES, ROOT / "deploy/prometheus/alerts.yml"]
FENCED = re.compile(r"^ *```([a-z]*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
TABLES = {"gateway", "server", "database", "providers", "fallback", "prices", "billing", "aliases", "plugins", "log"}
COMMAND = re.compile(rf"(?:^|[\s/$])(router (?:{'|'.join(Root.places)})\b.*)")
"""A command of ours, wherever in a line: behind a prompt, by its path, in a container."""

INLINE = re.compile(r"(?<!`)`(router [a-z][^`\n]*)`(?!`)")


def blocks(page: Path, *languages: str) -> list[str]:
    """The text of the page's fenced blocks in these languages."""
    return [text for language, text in FENCED.findall(page.read_text(encoding="utf-8")) if language in languages]


def command_lines(page: Path) -> Iterator[str]:
    for text in blocks(page, "", "sh", "bash", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            found = COMMAND.search(line)
            if found is not None:
                yield found[1]
    for text in INLINE.findall(page.read_text(encoding="utf-8")):
        yield text


@pytest.mark.parametrize("page", ADVISING, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_there_with_the_options_that_are_shown(page: Path) -> None:
    for line in command_lines(page):
        fault = fault_of_command(line)
        assert not fault, f"{page.name}: {line}: {fault}"


def fault_of_command(line: str) -> str:
    """What is wrong with a command as it is shown; empty where nothing is. Placeholders may stand for values."""
    line = re.sub(r"\s#.*$", "", re.sub(r"[|>&;].*$", "", line.replace("…", "")))
    line = re.sub(r" --remote \S+", "", line)
    words = [word for word in shlex.split(re.sub(r"[\[\]]", " ", line))[1:] if word not in ("...", "|")]
    command: click.Command = cli
    context = click.Context(cli, info_name="router", resilient_parsing=True)
    shared = [option for parameter in cli.params for option in parameter.opts]
    while isinstance(command, click.Group):
        words = words[next((place for place, word in enumerate(words) if word not in shared), len(words)) :]
        if not words or words[0].startswith("-") or words[0].isupper():
            return ""  # a group is named
        name = words.pop(0)
        found = command.get_command(context, name) or (plugin_commands().get(name) if command is cli else None)
        if found is None:
            return f"there is no {name!r} in {context.command_path!r}"
        context = click.Context(found, info_name=name, parent=context, **found.context_settings)
        command = found
    try:
        command.make_parser(context).parse_args(words)
    except click.NoSuchOption as error:
        return error.message
    except click.UsageError:  # a value left out, as prose does
        return ""
    return ""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("router keys creat --account a", "no 'creat'"),
        ("router keys create --acount a", "--acount"),
        ("router usage export --outptu x   # all of it", "--outptu"),
    ],
)
def test_a_command_that_is_not_there_is_found(line: str, told: str) -> None:
    assert told in fault_of_command(line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_compiles_and_data_parses(page: Path) -> None:
    for code in blocks(page, "python"):
        code = textwrap.dedent(code).rstrip()
        ast.parse(code if code.count("\n") or not code.startswith("def ") else f"{code}: ...", page.name)
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "toml"):
        tomllib.loads(textwrap.dedent(text))


INSTALLED_BY_THE_READER = ("acme",)  # with sections of its own kind, where the page is about writing such a plugin


def configuration(page: Path) -> str:
    """The page's blocks that are part of a gateway's configuration, as one; empty where there are none."""
    parts = []
    for text in map(textwrap.dedent, blocks(page, "toml")):
        tables = tomllib.loads(text)
        own = [name for name in tables.get("providers", {}) if name in INSTALLED_BY_THE_READER]
        if tables.keys() <= TABLES and all("kind" in tables["providers"][name] for name in own):
            parts.append(text)
    return "\n".join(parts)


@pytest.mark.parametrize("page", [page for page in PAGES if configuration(page)], ids=lambda page: page.name)
def test_settings_are_accepted_as_they_are_shown(page: Path, tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    assert router("--config", str(config), "init").returncode == 0
    config.write_text(configuration(page), encoding="utf-8")
    (tmp_path / "tls").mkdir()
    for made, shown in zip(make_pair(tmp_path), ("fullchain.pem", "privkey.pem"), strict=True):
        made.rename(tmp_path / "tls" / shown)
    done = router("--config", str(config), "config", "check")
    assert done.returncode == 0, done.stdout + done.stderr


def router(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "router", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_readmes_first_call_is_answered(tmp_path: Path) -> None:
    """``router init``, ``router serve``, then the README's two examples as they stand, but for port and key."""
    shell = next(text for text in blocks(ROOT / "README.md", "") if "curl" in text)
    code = next(text for text in blocks(ROOT / "README.md", "python") if "OpenAI(" in text)
    config = tmp_path / "router.toml"
    shown = router("--config", str(config), "init")
    key = re.findall(r"sk-[\w-]+", shown.stdout)[0]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = [sys.executable, "-m", "router", "--config", str(config), "serve", "--workers", "1", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(serving, stdout=log, stderr=log) as gateway:
        try:
            wait_until_ready(port, gateway)
            there = {"127.0.0.1:8080": f"127.0.0.1:{port}", "sk-...": key, "YOUR_API_KEY": key}
            for command, text in (["sh", "-ec"], shell), ([sys.executable, "-c"], code):
                for shown_there, here in there.items():
                    text = text.replace(shown_there, here)
                done = subprocess.run([*command, text], capture_output=True, text=True, timeout=60, check=False)
                assert done.returncode == 0 and "Hello, gateway" in done.stdout, done.stdout + done.stderr
        finally:
            gateway.terminate()
            gateway.wait(60)
    assert gateway.returncode == 0, (tmp_path / "log").read_text(encoding="utf-8")


def wait_until_ready(port: int, gateway: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError:
            assert gateway.poll() is None and time.monotonic() < deadline, "the gateway did not get ready"
            time.sleep(0.05)
