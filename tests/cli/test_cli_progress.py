"""Long commands say what they are at, on stderr, to somebody who watches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from router.ledger.verify import CHECKS
from router.testing import Gateway

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("watched", [True, False])
def test_verify_names_each_check_on_a_terminal_alone(tmp_path: Path, watched: bool) -> None:
    gateway = Gateway(tmp_path, start=False)
    reading, writing = os.openpty() if watched else os.pipe()
    command = [sys.executable, "-m", "router", "--config", str(gateway.config_path), "ledger", "verify", "--json"]
    with subprocess.Popen(command, stderr=writing, stdout=subprocess.DEVNULL) as process:
        os.close(writing)
        told = _read(reading)
    assert process.returncode == 0
    assert [name for name in CHECKS if f"checking {name}" in told] == (list(CHECKS) if watched else [])


def _read(descriptor: int) -> str:
    data = b""
    with open(descriptor, "rb", buffering=0) as stream:
        while True:
            try:
                piece = stream.read(4096)
            except OSError:  # how a terminal whose other side is closed ends
                break
            if not piece:
                break
            data += piece
    return data.decode()
