"""The source tree that a gateway is served from: this one, or another commit's, so that both run side by side."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.machine import BenchError
from bench.tools import HERE

__all__ = ["OWN", "Tree", "checked_out"]


@dataclass(frozen=True)
class Tree:
    """Where modules are imported from.

    Attributes:
        name: as it stands in tables; empty for the tree of this file.
        path: entries of ``PYTHONPATH``, before all others.
    """

    name: str
    path: tuple[Path, ...]


OWN = Tree("", (HERE.parent,))


def checked_out(reference: str, folder: Path) -> Tree:
    """A commit's files, put into ``folder``. Its plugins are those whose entry points are installed now.

    Raises:
        BenchError: git knows no such commit.
    """
    archive = subprocess.run(
        ["git", "-C", str(HERE.parent), "archive", "--format=tar", reference], capture_output=True, check=False
    )
    if archive.returncode:
        raise BenchError(f"--against {reference}: {archive.stderr.decode(errors='replace').strip()}")
    files, links = folder / "files", folder / "links"
    files.mkdir(parents=True)
    links.mkdir()
    subprocess.run(["tar", "-x", "-C", str(files)], input=archive.stdout, check=True)
    (links / "router_plugins").symlink_to(files / "plugins")  # the plugins' import name; see package_dir in setup.py
    return Tree(reference, (links, files))
