"""The committed bytecode of the tests' contracts is what the compiler makes of their sources."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from chain_kit import ARTEFACTS

FOLDER = Path(__file__).parent


def test_artefacts_are_made_of_the_sources(packages: Path) -> None:
    command = ["node", str(FOLDER / "compile.mjs"), str(packages), str(FOLDER / "contracts")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert json.loads(done.stdout) == json.loads(ARTEFACTS.read_text(encoding="utf-8"))
