"""The gateway and other people's plugins as wheels, installed by pip into a new virtual environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Environment", "build_wheels"]

ROOT = Path(__file__).resolve().parents[2]
_GATEWAY = ("router", "plugins", "setup.py", "pyproject.toml", "pytest_router.py", "README.md", "LICENSE")
_LEFT_OUT = ("tollrouter", "__editable__", "hypothesis", "schemathesis")
"""The gateway, which pip is to install; pytest plugins that take seconds to import."""


def build_wheels(folder: Path, *sources: Path) -> dict[str, Path]:
    """Wheels of the gateway and of some source trees, built from copies; distribution's name, with '_' -> its wheel."""
    copies = [_copied(ROOT, folder / "sources/gateway", _GATEWAY)]
    copies += [_copied(source, folder / "sources" / str(number)) for number, source in enumerate(sources)]
    wheels = folder / "wheels"
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(wheels))
    _run([sys.executable, "-m", "pip", "--isolated", "wheel", *offline, *map(str, copies)])
    return {wheel.name.partition("-")[0]: wheel for wheel in wheels.glob("*.whl")}


class Environment:
    """A new virtual environment. It borrows the third-party libraries of the one that the tests run in, so that nothing
    is downloaded; the gateway's own distribution is not among them.

    Args:
        folder: where it is made.
    """

    def __init__(self, folder: Path) -> None:
        self._home = folder / "venv"
        _run([sys.executable, "-m", "venv", "--without-pip", str(self._home)])
        libraries = folder / "libraries"
        libraries.mkdir()
        for path in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
            for entry in Path(path).iterdir():
                if not entry.name.startswith(_LEFT_OUT):
                    libraries.joinpath(entry.name).symlink_to(entry)
        (site,) = self._home.glob("lib/python*/site-packages")
        site.joinpath("libraries.pth").write_text(f"{libraries}\n", encoding="utf-8")

    @property
    def command(self) -> tuple[str, ...]:
        """The console script ``router`` there."""
        return (str(self._home / "bin/router"),)

    def install(self, *wheels: Path) -> None:
        """``pip install``; every dependency must be there already."""
        self._pip("install", "--no-index", *map(str, wheels))

    def uninstall(self, *distributions: str) -> None:
        """``pip uninstall``."""
        self._pip("uninstall", "--yes", *distributions)

    def plugins(self, folder: Path) -> Mapping[str, Mapping[str, Any]]:
        """What ``router plugins list`` shows there, by name; a folder with a ``router.toml``."""
        listed = _run([*self.command, "plugins", "list", "--json", "--config", str(folder / "router.toml")])
        return {row["name"]: row for row in json.loads(listed)}

    def pytest(self, folder: Path, *options: str) -> str:
        """What pytest says that runs there in a folder; it must pass."""
        return _run([str(self._home / "bin/python"), "-m", "pytest", "-p", "no:cacheprovider", *options], folder)

    def _pip(self, *arguments: str) -> None:
        python = str(self._home / "bin/python")
        _run([sys.executable, "-m", "pip", "--isolated", "--python", python, *arguments])


def _copied(source: Path, target: Path, names: tuple[str, ...] = ()) -> Path:
    """A copy that may be built in: what setuptools leaves in a source tree stays out of ours."""
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info", ".venv")
    if not names:
        return Path(shutil.copytree(source, target, ignore=ignored))
    target.mkdir(parents=True)
    for name in names:
        path = source / name
        if path.is_dir():
            shutil.copytree(path, target / name, ignore=ignored)
        else:
            shutil.copy(path, target)
    return target


def _run(command: list[str], folder: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTEST_ADDOPTS")}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout
