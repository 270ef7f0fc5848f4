"""Gateways with a portal beside them that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from portal_machine import Beside
from waiting import until


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Callable[..., Beside]]:
    """Starts one."""
    started: list[Beside] = []
    seen: set[int] = set()

    def start(**options: Any) -> Beside:
        made = Beside(tmp_path, **options)
        started.append(made)
        return made

    yield start
    for one in started:
        with suppress(Exception):
            seen |= one.family()
        one.gateway.kill()
        print(one.log())  # which pytest shows where the test has failed
    until(lambda: not any(psutil.pid_exists(pid) for pid in seen), "no process is left")
