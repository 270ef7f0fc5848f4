"""Houses that tests share: one on each engine, one of two nodes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from money_wire import House, new_schema, open_house


@pytest.fixture(scope="session")
def sqlite_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("money")
    with open_house(folder, f"sqlite:///{folder / 'router.db'}") as house:
        yield house
        house.verify()


@pytest.fixture(scope="session")
def postgresql_house(tmp_path_factory: pytest.TempPathFactory, postgres_server: Any) -> Iterator[House]:
    """Two nodes of two workers each."""
    with new_schema(postgres_server) as url, open_house(tmp_path_factory.mktemp("money"), url, nodes=2) as house:
        yield house
        house.verify()


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """The test runs once on each engine, and leaves a ledger that holds together."""
    house: House = request.getfixturevalue(f"{request.param}_house")
    yield house
    house.check()


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Set at the end of the test only: what waits for it is silent."""
    event = threading.Event()
    yield event
    event.set()
