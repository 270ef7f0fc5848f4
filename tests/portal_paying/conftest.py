"""NexGate's portal with three methods to pay by, once for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from paying_site import Install, Paying, start_paying


@pytest.fixture(scope="module")
def paying(tmp_path_factory: pytest.TempPathFactory, install: Install) -> Iterator[Paying]:
    with start_paying(tmp_path_factory.mktemp("paying"), install) as made:
        yield made
