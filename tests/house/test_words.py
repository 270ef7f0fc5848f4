"""What no file of the project may say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from sources import ROOT, tracked_files

pytestmark = pytest.mark.slow

_SEP = "/"
FORBIDDEN = {
    "a path of one machine": re.compile(rf"{_SEP}(?:home|Users|root|work|mnt|data)/\w|{_SEP}tmp/\w*(?:venv|env)\b"),
    "a note to do it later": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X{3})\b"),
    "the name that belongs to another project": re.compile("provider" + r"[-_.]router\b", re.IGNORECASE),
    "a package registry's host": re.compile(r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|npmjs\.com)\b"),
}
TEXTS = (".py", ".md", ".toml", ".sh", ".cfg", ".json", ".mjs", ".sql", "Makefile", "run", ".txt", ".template")


def texts() -> list[Path]:
    return [path for path in tracked_files() if path.name.endswith(TEXTS) and path != Path(__file__).resolve()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_says(what: str) -> None:
    found = []
    for path in texts():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if FORBIDDEN[what].search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, f"{what}:\n" + "\n".join(found)


def test_every_python_file_begins_with_its_docstring_and_future_annotations() -> None:
    late = []
    for path in texts():
        if path.suffix != ".py" or path.name == "setup.py":
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        first = [ast.unparse(node) for node in body[1:2]]
        if body and (not _is_docstring(body[0]) or first not in ([], ["from __future__ import annotations"])):
            late.append(str(path.relative_to(ROOT)))
    assert not late


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def test_no_two_test_files_share_a_name() -> None:
    named: dict[str, list[str]] = {}
    for path in tracked_files():
        if (
            path.suffix == ".py"
            and path.is_relative_to(ROOT / "tests")
            and path.name not in ("conftest.py", "__init__.py")
        ):
            named.setdefault(path.name, []).append(str(path.relative_to(ROOT)))
    shared = {name: paths for name, paths in named.items() if len(paths) > 1}
    assert not shared, f"pytest imports each by its name alone: {shared}"
