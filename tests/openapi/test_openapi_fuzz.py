"""schemathesis against each profile's running gateway: nothing fails inside, and all is as it is described."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from router.testing import Gateway

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # some thousand requests for each profile

_HERE = Path(__file__).parent
_RUN = "from schemathesis.cli import schemathesis; schemathesis()"
_FUZZED = {"standard", "nexgate"}  # between them all kinds of routes; the others differ in shapes
_OPTIONS = (
    *("--max-examples", "10"),
    *("--checks", "all"),
    *("--generation-with-security-parameters", "false"),  # a second key beside the right one is a 400, rightly
    *("--request-timeout", "20"),
    *("--output-truncate", "false"),
    "--generation-deterministic",
    "--no-color",
)


def test_schemathesis_finds_nothing(gateway: Gateway, profile: str, tmp_path: Path) -> None:
    phases = "examples,coverage,fuzzing" if profile in _FUZZED else "examples,coverage"
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(_HERE)}
    command = [
        sys.executable,
        "-c",
        _RUN,
        "--config-file",
        str(_HERE / "schemathesis.toml"),
        "run",
        f"{gateway.url}/openapi.json",
        *_OPTIONS,
        "--phases",
        phases,
    ]
    command += ["--header", f"Authorization: Bearer {gateway.api_key}"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
