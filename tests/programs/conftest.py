"""One gateway for each real program, with billing, and the Node packages that the programs come from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_caches import node_folder
from programs_wire import Desk

from router.testing import Gateway, ScriptedUpstream

FACTS = {"context_window": 400_000, "max_output": 8_000}
CONFIG = {
    "prices": {"acme/m": {"input": "1", "output": "2"}},
    "aliases": {"gpt-5.5": "acme/m", "gpt-6.2-sol": "acme/m", "claude-test": "acme/m"},
}


@pytest.fixture(scope="session")
def programs() -> Path:
    return node_folder(Path(__file__).parent) / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def claude(programs: Path) -> Path:
    """Claude Code, whose package has its binary put in place by a script: npm runs none here."""
    package = programs.parent / "@anthropic-ai" / "claude-code"
    done = subprocess.run(["node", "install.cjs"], cwd=package, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        pytest.skip(f"Claude Code cannot be installed here: {done.stderr[-300:]}")
    return programs / "claude"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ScriptedUpstream() as upstream:
        acme = {"kind": "compatible", "base_url": upstream.url, "api_key": "sk-x", "models": {"m": FACTS}}
        folder = tmp_path / "desk"
        folder.mkdir()
        with Gateway(tmp_path / "gateway", providers={"acme": acme}, config=CONFIG) as gateway:
            yield Desk(gateway, upstream, folder)
            gateway.router("ledger", "verify")
