"""The examples of the systems' texts: what they are, how they are run, and whether an output has a text's shape."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from client_caches import node_folder

__all__ = ["NODE_PACKAGES", "Example", "clean_environment", "differences", "load_examples", "run_program"]

NODE_PACKAGES = Path(__file__).parent / "clients"
"""What Node examples and clients are run with."""

_FOLDER = Path(__file__).parent / "examples"
_RUN_S = 60
_DECIMAL = re.compile(r"\d+\.\d{4,}")
_TRANSPILE = """\
const { readFileSync, writeFileSync } = require("node:fs");
const { ModuleKind, ScriptTarget, transpileModule } = require("typescript");
const options = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
const made = transpileModule(readFileSync("example.ts", "utf8"), { compilerOptions: options, reportDiagnostics: true });
if (made.diagnostics.length) throw new Error(JSON.stringify(made.diagnostics.map((one) => one.messageText)));
writeFileSync("example.mjs", made.outputText);
"""


@dataclass(frozen=True)
class Example:
    """One example of a text.

    Attributes:
        profile: the system whose text it is from.
        rows: the requirements that it proves.
        language: ``curl``, ``python``, ``node`` or ``typescript``.
        text: as it stands there.
        prints: the whole output; empty where ``shape`` says what it looks like.
        shape: the JSON that the text shows as the output, or an item of the stream.
        holds: whether the items of that JSON are themselves among those of the output.
        before, look: lines round a fragment, which cannot run or shows nothing by itself.
        replace, environment: the base URL and the key: ``{url}``, ``{key}``.
    """

    profile: str
    name: str
    rows: Sequence[str]
    language: str
    text: str = field(repr=False)
    prints: str = ""
    shape: Any = None
    holds: bool = False
    before: str = field(default="", repr=False)
    look: str = field(default="", repr=False)
    replace: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def run(self, folder: Path, url: str, key: str) -> str:
        """What it prints when it is run in an empty folder against a gateway; skips where its tools lack."""
        text = self.text
        for theirs, ours in self.replace.items():
            text = text.replace(theirs, ours.format(url=url, key=key))
        variables = {name: value.format(url=url, key=key) for name, value in self.environment.items()}
        program = self.before + text + self.look
        return _RUNNERS[self.language](program, folder, clean_environment(folder, variables))


def load_examples() -> list[Example]:
    """All examples, by profile."""
    return [example for path in sorted(_FOLDER.glob("*.toml")) for example in _load(path)]


def _load(path: Path) -> Iterator[Example]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    common = {"profile": path.stem, "replace": document["replace"], "environment": document.get("environment", {})}
    for fields in document["example"]:
        shape = fields.pop("shape", None)
        if shape is not None:
            fields["shape"] = json.loads((_FOLDER / "shapes" / f"{shape}.json").read_text(encoding="utf-8"))
        yield Example(**common, **fields)


def clean_environment(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """An environment without anything of the developer's: no keys, no PYTHONPATH, ``folder`` as HOME."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **variables}


def run_program(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_RUN_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode("utf-8")


def _curl(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    return run_program(["sh", "-e", "-c", text], folder, environment)


def _python(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    folder.joinpath("example.py").write_text(text, encoding="utf-8")
    return run_program([sys.executable, "example.py"], folder, environment)


def _node(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    folder.joinpath("example.mjs").write_text(text, encoding="utf-8")
    folder.joinpath("node_modules").symlink_to(node_folder(NODE_PACKAGES) / "node_modules")
    return run_program(["node", "example.mjs"], folder, environment)


def _typescript(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    folder.joinpath("example.ts").write_text(text, encoding="utf-8")
    folder.joinpath("transpile.cjs").write_text(_TRANSPILE, encoding="utf-8")
    folder.joinpath("node_modules").symlink_to(node_folder(NODE_PACKAGES) / "node_modules")
    run_program(["node", "transpile.cjs"], folder, environment)
    return run_program(["node", "example.mjs"], folder, environment)


_RUNNERS = {"curl": _curl, "python": _python, "node": _node, "typescript": _typescript}


def differences(shape: Any, got: Any, where: str = "$") -> list[str]:
    """Where a JSON value is not like another: a field that it lacks, another type. It may have further fields.

    All items of a list must be like the first of the shape's; null in the shape is anything.
    """
    if shape is None:
        return []
    if isinstance(shape, str) and _DECIMAL.fullmatch(shape):
        fits = isinstance(got, str) and _DECIMAL.fullmatch(got) is not None
    else:
        fits = isinstance(got, (int, float) if isinstance(shape, float) else type(shape))
    if not fits or isinstance(got, bool) is not isinstance(shape, bool):
        return [f"{where}: {got!r}, not like {shape!r}"]
    if isinstance(shape, dict):
        lacking = [f"{where}.{name} lacks" for name in shape if name not in got]
        inner = [differences(shape[name], got[name], f"{where}.{name}") for name in shape if name in got]
        return sum(inner, lacking)
    if isinstance(shape, list):
        inner = [differences(shape[0], item, f"{where}[{number}]") for number, item in enumerate(got)]
        return sum(inner, [] if got else [f"{where}: empty"])
    return []
