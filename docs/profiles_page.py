"""``docs/profiles.md``: the requirements of ``rows.toml``, and the tests that say which of them they prove."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Proof", "faults", "proofs", "render", "rows"]

ROOT = Path(__file__).resolve().parents[1]
_ROWS = ROOT / "docs/rows.toml"
_TESTS = ROOT / "tests"
_EXAMPLES = _TESTS / "profiles/examples"
_INTRODUCTION = """\
# Profiles

`router init --profile NAME` sets up a gateway that is one of the systems below: `nexgate`, `nexorouter`, `neurongate`
or `aigateway`; without it, the default. A profile is a dialect plugin and its preset, nothing else: no part of the host
names one, and [a fifth can be shipped](dialects.md) by anybody. Each row is a requirement of that system, with the
tests that prove it, which carry the row's ID (`@pytest.mark.row`). Parts that are still to come are marked *later*.
"""


class Proof(NamedTuple):
    """A test or an example that proves rows: its name, the file that holds it, and the IDs of the rows."""

    name: str
    file: Path
    rows: Sequence[str]


def rows() -> dict[str, Any]:
    """``rows.toml``: ``delivered`` parts, ``systems`` by profile, and ``rows`` by ID."""
    return tomllib.loads(_ROWS.read_text(encoding="utf-8"))


def proofs(tests: Path = _TESTS, examples: Path = _EXAMPLES) -> list[Proof]:
    """All tests and examples that name rows, in the order of their files."""
    marked = [proof for file in sorted(tests.rglob("test_*.py")) for proof in _marked(file)]
    for file in sorted(examples.glob("*.toml")):
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        marked += [Proof(example["name"], file, example["rows"]) for example in document["example"]]
    return marked


def faults(wanted: Mapping[str, Any], found: Sequence[Proof]) -> list[str]:
    """What lacks: a row of a delivered part without a test, a test that names no row."""
    known, proved = wanted["rows"], {row for proof in found for row in proof.rows}
    return [
        *(
            f"docs/rows.toml: {row} ({fields['what']}) is delivered, and no test carries it: mark one"
            for row, fields in known.items()
            if row not in proved and set(fields["parts"]) & set(wanted["delivered"])
        ),
        *(
            f"{proof.file.name}: {proof.name} names the row {row!r}, which is not in docs/rows.toml"
            for proof in found
            for row in proof.rows
            if row not in known
        ),
    ]


def render(wanted: Mapping[str, Any], found: Sequence[Proof]) -> str:
    """The page."""
    return "\n".join([_INTRODUCTION, *_sections(wanted, found)])


def _sections(wanted: Mapping[str, Any], found: Sequence[Proof]) -> Iterator[str]:
    for profile, system in wanted["systems"].items():
        yield f"## {system['title']}: `{profile}`\n\n{system['about']}\n"
        yield "| row | what | detail | part | proved by |\n| --- | --- | --- | --- | --- |"
        for row, fields in wanted["rows"].items():
            if row.partition("-")[0] == system["prefix"]:
                yield _line(row, fields, wanted["delivered"], [proof for proof in found if row in proof.rows])
        yield ""


def _line(row: str, fields: Mapping[str, Any], delivered: Sequence[str], found: Sequence[Proof]) -> str:
    parts = ", ".join(part if part in delivered else f"{part} (*later*)" for part in fields["parts"])
    links = [f"[{proof.name}](../{proof.file.relative_to(ROOT).as_posix()})" for proof in found]
    return f"| {row} | {fields['what']} | {fields['detail']} | {parts} | {', '.join(links) or '*later*'} |"


def _marked(file: Path) -> Iterator[Proof]:
    text = file.read_text(encoding="utf-8")
    if "mark.row(" not in text:
        return
    tree = ast.parse(text)
    marks = [node for node in ast.walk(tree) if _is_mark(node)]
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            own = [mark for mark in function.decorator_list if mark in marks]
            marks = [mark for mark in marks if mark not in own]
            names = [ast.literal_eval(argument) for mark in own if isinstance(mark, ast.Call) for argument in mark.args]
            if names:
                yield Proof(function.name, file, names)
    if marks:
        raise SystemExit(f"{file.name}: pytest.mark.row belongs above a test function, and nowhere else")


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row"
