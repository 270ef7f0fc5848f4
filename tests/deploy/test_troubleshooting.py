"""docs/deploy/troubleshooting.md has every code that the gateway and its plugins raise, and none that they do not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from container import ROOT

from router.errors import KINDS

PAGE = ROOT / "docs/deploy/troubleshooting.md"
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MADE = {"api_key_disabled", "api_key_expired", "api_key_revoked"}
"""Codes whose last part is a value."""
NO_CODES = {"ok", "message"}


def written() -> dict[str, tuple[str, str]]:
    """Code -> its cause and remedy."""
    found: dict[str, tuple[str, str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 3:
            for code in re.findall(r"`([a-z0-9_]+)`", cells[0]):
                assert code not in found, f"{code} stands twice"
                found[code] = (cells[1], cells[2])
    return found


def raised() -> dict[str, str]:
    """Code -> a file that raises it."""
    found = dict.fromkeys({kind.code for kind in KINDS.values()}, "router/errors.py") | dict.fromkeys(
        MADE, "calls/auth"
    )
    for folder in ("router", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "testing" not in path.parts and "scaffold" not in path.parts:
                found |= {code: str(path.relative_to(ROOT)) for code in codes_in(path)}
    return found


def codes_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            values = [word.value for word in node.keywords if word.arg == "code"]
        elif isinstance(node, ast.ClassDef):
            values = [value for name, value in _fields(node) if name == "code"]
        else:
            continue
        for value in values:
            yield from _texts(value)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for one in node.body:
        if isinstance(one, ast.AnnAssign | ast.Assign) and one.value is not None:
            target = one.target if isinstance(one, ast.AnnAssign) else one.targets[0]
            yield getattr(target, "id", ""), one.value


def _texts(value: ast.expr) -> Iterator[str]:
    """What an expression may come to, of those that say it."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for one in value.values:
            yield from _texts(one)


WRITTEN = written()


def test_every_code_has_its_cause_and_its_remedy() -> None:
    missing = {code: where for code, where in raised().items() if code not in WRITTEN and code not in NO_CODES}
    assert not missing, f"write a row for each into {PAGE.name}"


def test_no_row_is_of_a_code_that_nothing_raises() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in ("router", "plugins") for path in (ROOT / folder).rglob("*.py")
    )
    gone = [code for code in WRITTEN if code not in MADE and f'"{code}"' not in sources]
    assert not gone, "take their rows out"


def test_each_row_says_something() -> None:
    assert len(WRITTEN) > 150
    assert not [code for code, row in WRITTEN.items() if not all(len(text) > 3 for text in row)]
