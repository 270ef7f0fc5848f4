"""The project's own source files, and the imports written in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click

from router.plugin_host.registry import load_plugins
from router.types.plugin_context import PluginContext

__all__ = [
    "ROOT",
    "Import",
    "imports_in",
    "is_private",
    "modules",
    "plugin_commands",
    "python_files",
    "tracked_files",
]

ROOT = Path(__file__).resolve().parents[2]
_OUTSIDE = frozenset({"node_modules", "build", "dist", "__pycache__"})


class Import(NamedTuple):
    """One name that a statement imports: the dotted module, the line, and whether only a type checker sees it."""

    target: str
    line: int
    type_only: bool


def tracked_files() -> list[Path]:
    """Every file of the project; what tools leave behind, and hidden folders but ``.ci``, left out."""
    return [path for path in sorted(ROOT.rglob("*")) if path.is_file() and _is_ours(path.relative_to(ROOT))]


def _is_ours(path: Path) -> bool:
    folders = path.parts[:-1]
    hidden = any(part.startswith(".") and part != ".ci" for part in folders)
    made = any(part in _OUTSIDE or part.endswith(".egg-info") for part in folders)
    local = len(path.parts) == 1 and path.name.startswith(("router.", "operator."))
    return not (hidden or made or local)


def python_files(*folders: str) -> list[Path]:
    """The Python files below the given folders of the project."""
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if _is_ours(path.relative_to(ROOT))
    )


def modules() -> dict[str, Path]:
    """Import name -> file, for ``router`` and the bundled plugins (``router_plugins``)."""
    found = {}
    for folder, package in (("router", "router"), ("plugins", "router_plugins")):
        for path in python_files(folder):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


@cache
def plugin_commands() -> dict[str, click.Command]:
    """Commands that bundled plugins add to ``router``, by name."""
    having = load_plugins().having("commands")
    found = [
        one for plugin in having for one in plugin.hooks["commands"](context=PluginContext("", (), name=plugin.name))
    ]
    return {one.name: one for one in found}


def is_private(module: str) -> bool:
    """Whether a part of the dotted name begins with an underscore; ``__main__`` does not count."""
    return any(part.startswith("_") and part != "__main__" for part in module.split("."))


def imports_in(module: str, path: Path, known: dict[str, Path]) -> Iterator[Import]:
    """All imports of a module: ``from a import b`` is ``a.b`` where that is a module, else ``a``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    type_only = {id(inner) for block in ast.walk(tree) if _is_type_checking(block) for inner in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, path, node)
            targets = [one if one in known else base for one in (f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for target in targets:
            yield Import(target, node.lineno, id(node) in type_only)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _base(module: str, path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
