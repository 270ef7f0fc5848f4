"""A scripted upstream for provider plugins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from driver import Driver

from router.testing import ScriptedUpstream


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture
def provider() -> Iterator[Callable[..., Driver]]:
    """Makes drivers, whose connections are closed at the end of the test."""
    with ExitStack() as opened:

        def open_driver(*arguments: Any, **options: Any) -> Driver:
            driver = Driver(*arguments, **options)
            opened.callback(driver.transport.close)
            return driver

        yield open_driver
