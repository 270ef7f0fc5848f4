"""Clients that tests run and the project does not depend on: Node packages, and Python frameworks that clash.

They are installed outside of the source tree, once for each lock file: under ``tollrouter`` in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

__all__ = ["BUILD", "framework_python", "node_folder"]

BUILD = "ROUTER_TEST_FRAMEWORKS"
"""The environment variable that, being ``build``, has the Python frameworks installed: most of a gigabyte."""

_NODE_FILES = ("package.json", "package-lock.json", ".npmrc")
_NPM = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0")
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r")
_NODE_S = 110
_PYTHON_S = 900


def node_folder(packages: Path) -> Path:
    """A folder whose ``node_modules`` holds what the lock file in ``packages`` names; skips the test without it."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    files = [packages / name for name in _NODE_FILES]

    def build(folder: Path) -> None:
        for file in files:
            shutil.copy(file, folder)
        _run(_NPM, folder, _NODE_S)

    try:
        return _cached("node", files, build)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as fault:
        pytest.skip(f"the Node packages of {packages.name} cannot be installed here: {fault}")


def framework_python(requirements: Path) -> Path:
    """The interpreter of an environment that holds these packages; skips the test if nobody has built it.

    Raises:
        RuntimeError: it was to be built, and pip failed; with what it said.
    """
    name = f"{requirements.stem}-py{sys.version_info.major}.{sys.version_info.minor}"
    wanted = os.environ.get(BUILD) == "build"
    if not wanted and not _place(name, [requirements]).exists():
        pytest.skip(f"{requirements.stem} is not installed: {BUILD}=build python -m pytest tests/profiles installs it")

    def build(folder: Path) -> None:
        _run((sys.executable, "-m", "venv", "."), folder, _PYTHON_S)
        _run(("bin/python", *_PIP, str(requirements)), folder, _PYTHON_S)

    return _cached(name, [requirements], build) / "bin/python"


def _place(name: str, files: Sequence[Path]) -> Path:
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "tollrouter" / f"{name}-{digest[:16]}"


def _cached(name: str, files: Sequence[Path], build: Callable[[Path], None]) -> Path:
    """The folder that ``build`` fills, unless it has been filled before from the same files."""
    ready = _place(name, files)
    if ready.exists():
        return ready
    ready.parent.mkdir(parents=True, exist_ok=True)
    # Built aside and renamed: a run that is broken off, or a second one at the same time, leaves no half folder.
    with tempfile.TemporaryDirectory(dir=ready.parent) as aside:
        building = Path(aside) / "new"
        building.mkdir()
        build(building)
        try:
            building.rename(ready)
        except OSError:
            if not ready.exists():
                raise
    return ready


def _run(command: Sequence[str], folder: Path, timeout_s: int) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}")
