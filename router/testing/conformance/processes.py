"""Parts of a rule that need an interpreter of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from router.testing.conformance.base import Failed

__all__ = ["run_module"]

_PATIENCE_S = 60.0


def run_module(module: str, question: Mapping[str, Any]) -> Any:
    """Run a module that reads JSON from its standard input and writes JSON to its standard output.

    Raises:
        Failed: it did not end well; says how its standard error ends.
    """
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-P", "-B", "-m", module],
        input=json.dumps(question),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise Failed(f"a process with the plugin ended with status {done.returncode}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])
