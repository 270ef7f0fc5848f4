"""A wheel of this tree, built once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from container import ROOT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what is needed, so that nothing here is touched."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("setup.py", "pyproject.toml", "pytest_router.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("router", "plugins", "tests", "bench"):  # the last two must not get in
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", ".venv*")
        shutil.copytree(ROOT / name, source / name, ignore=ignored, symlinks=True)
    command = [sys.executable, "-c", "from setuptools import build_meta as b; import sys; b.build_wheel(sys.argv[1])"]
    done = subprocess.run([*command, str(made)], cwd=source, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    (found,) = made.glob("*.whl")
    return found
