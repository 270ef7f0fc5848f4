"""``make lock``: exact versions with hashes of all that setup.py asks for, for the container and for the build's tools.

``requirements/container.txt`` has what a gateway runs with, all extras but ``dev`` included; ``requirements/build.txt``
what builds and installs it there. Names and hashes alone: whichever index serves these very files may be asked.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from setuptools.dist import Distribution

__all__ = ["FOLDER", "Pin", "main", "pins", "runtime_requirements"]

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
PYTHON = "3.11"
"""The container's: markers of requirements are settled for it."""
EARLIER = ("async-timeout>=4.0.3",)
"""What the first patches of that Python need besides (redis, before 3.11.3), which Linux distributions still ship."""
TOOLS = ("pip>=25", "setuptools>=77", "wheel>=0.45")
_HEADER = "# Written by `make lock` from {source} for Python " + PYTHON + ". Edit that, not this file.\n"
_PIN = re.compile(r"^(?P<name>[\w.-]+)(?:\[[\w,-]+\])?==(?P<version>[^\s;\\]+)(?P<rest>.*?)(?=^\S|\Z)", re.M | re.S)


class Pin:
    """One line of a lock file.

    Attributes:
        name: as the index knows it, in lower case with dashes.
        version: that and no other.
        hashes: of its files.
    """

    def __init__(self, name: str, version: str, rest: str) -> None:
        self.name = canonical(name)
        self.version = version
        self.hashes = re.findall(r"--hash=(sha256:[0-9a-f]{64})", rest)


def canonical(name: str) -> str:
    """A distribution's name as all spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: Path) -> list[Pin]:
    """What a lock file has."""
    return [Pin(**found.groupdict()) for found in _PIN.finditer(path.read_text(encoding="utf-8"))]


def runtime_requirements() -> Iterator[str]:
    """What setup.py asks for, but for what only developers need."""
    said = _setup_arguments()
    yield from said["install_requires"]
    for extra, requirements in said["extras_require"].items():
        if extra != "dev":
            yield from requirements


def main() -> int:
    """Write both; the exit status."""
    if sys.version_info[:2] != tuple(map(int, PYTHON.split("."))):
        print(
            f"lock: this is Python {sys.version.split()[0]}, and the container has {PYTHON}: use that", file=sys.stderr
        )
        return 1
    FOLDER.mkdir(exist_ok=True)
    _lock("container.txt", [*runtime_requirements(), *EARLIER], "setup.py")
    _lock("build.txt", TOOLS, "scripts/lock.py")
    return 0


def _lock(name: str, requirements: Any, source: str) -> None:
    """What is pinned already stays, as far as it still fits: `rm` the file to have all of it renewed."""
    target = FOLDER / name
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "asked.in"
        asked.write_text("\n".join(sorted(set(requirements))) + "\n", encoding="utf-8")
        made = Path(folder) / "made.txt"
        if target.exists():
            made.write_text(target.read_text(encoding="utf-8"), encoding="utf-8")
        command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--allow-unsafe"]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-trusted-host", "--strip-extras"]
        command += ["--no-emit-find-links", "--no-emit-options", f"--output-file={made}", str(asked)]
        subprocess.run(command, check=True, cwd=folder)
        target.write_text(_HEADER.format(source=source) + made.read_text(encoding="utf-8"), encoding="utf-8")
    print(f"wrote requirements/{name}: {len(pins(target))} distributions")


def _setup_arguments() -> dict[str, Any]:
    """What setup.py hands to ``setup``."""
    from distutils.core import run_setup  # setuptools' own, which it puts in distutils' place

    distribution: Distribution = run_setup(str(ROOT / "setup.py"), stop_after="init")
    return {"install_requires": distribution.install_requires, "extras_require": distribution.extras_require}


if __name__ == "__main__":
    sys.exit(main())
