"""``make lowest``: the lower bounds in setup.py, proved by an environment that has exactly these versions.

Installs each runtime requirement at its lower bound, runs ``scripts/lowest_check.py`` there, and writes what was proved
to ``scripts/lowest.json``, against which tests hold setup.py.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["PROVED", "lower_bounds", "main"]

ROOT = Path(__file__).resolve().parents[1]
PROVED = Path(__file__).with_name("lowest.json")
_FOLDER = ROOT / ".venv-lowest"
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,]+\])?>=(?P<bound>[\w.]+)")


def lower_bounds() -> dict[str, str]:
    """Every runtime requirement in setup.py, those for PostgreSQL included -> its lower bound.

    Raises:
        ValueError: a requirement has no lower bound, or more than that.
    """
    found = {}
    for requirement in _requirements():
        match = _REQUIREMENT.fullmatch(requirement)
        if match is None:
            raise ValueError(f"setup.py: {requirement!r} is not written NAME>=VERSION")
        found[match["name"]] = match["bound"]
    return found


def _requirements() -> list[str]:
    (call,) = (
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setup"
    )
    given = {word.arg: word.value for word in call.keywords}
    runtime: list[str] = ast.literal_eval(given["install_requires"])
    extras: dict[str, list[str]] = ast.literal_eval(given["extras_require"])
    return runtime + extras["postgresql"]


def main() -> None:
    """Make the environment, check it, and write the record; ends with the status of what failed."""
    python = str(_FOLDER / "bin/python")
    pins = [requirement.replace(">=", "==") for requirement in _requirements()]
    bounds = lower_bounds()
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_FOLDER)], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *pins, "--editable", str(ROOT)], check=True)
    subprocess.run([python, str(ROOT / "scripts/lowest_check.py")], check=True, cwd=_FOLDER)
    PROVED.write_text(json.dumps(bounds, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"proved: {', '.join(f'{name} {bound}' for name, bound in sorted(bounds.items()))}")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
