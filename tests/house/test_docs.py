"""The documentation fits the code: reference pages, commands and settings that the README names, links."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType

import click
import pytest
from sources import ROOT, plugin_commands

from router.cli.main import cli
from router.hookspecs import ROLES

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "plugins/README.md"]
COMMAND = re.compile(r"^\s*router ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", re.MULTILINE)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES_FROM_CODE: dict[str, str] = generator().pages()


@pytest.mark.parametrize("name", sorted(PAGES_FROM_CODE))
def test_reference_pages_fit_the_code(name: str) -> None:
    page = ROOT / "docs" / name
    assert page.exists() and page.read_text(encoding="utf-8") == PAGES_FROM_CODE[name], "run `make docs`"


@pytest.mark.parametrize("hook", [name for specs in ROLES.values() for name in vars(specs) if name[0] != "_"])
def test_every_hook_says_when_it_is_called_and_since_when(hook: str) -> None:
    spec = next(vars(specs)[hook] for specs in ROLES.values() if hook in vars(specs))
    documentation = inspect.getdoc(spec) or ""
    assert re.search(r"Called: (addressed|broadcast|collected)", documentation)
    assert re.search(r"Since: \d+\.\d+\.", documentation)
    assert f"### {hook}\n" in PAGES_FROM_CODE["hooks.md"]


def commands_named_in(page: Path) -> list[str]:
    """``router NAME [NAME]`` at the beginning of a line in a shell's block, and of text inside code marks."""
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    return [match for block in code for match in COMMAND.findall(block)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_pages_name_exist(page: Path) -> None:
    context = click.Context(cli, info_name="router")
    for words in commands_named_in(page):
        name, _, inner = words.partition(" ")
        command = cli.get_command(context, name) or plugin_commands().get(name)
        assert command is not None, f"{page.name}: there is no `router {name}`"
        if inner and isinstance(command, click.Group):
            assert command.get_command(context, inner) is not None, f"{page.name}: there is no `router {words}`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make ([a-z]+)`?", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"README names `make {target}`"


def test_the_change_log_knows_this_version() -> None:
    import router

    assert f"## {router.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version="{router.__version__}"' in (ROOT / "setup.py").read_text(encoding="utf-8")


def test_every_bundled_plugin_is_described() -> None:
    page = (ROOT / "plugins/README.md").read_text(encoding="utf-8")
    described = re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)
    assert described == sorted(described)
    assert described == sorted(path.parent.name for path in ROOT.glob("plugins/*/__init__.py"))
