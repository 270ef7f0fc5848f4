"""An office with a portal's settings and a clock that stands still, on a database of either engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from people_kit import Clock, Made

from router.config.file import load_settings
from router.office.office import Office
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.dialect import Dialect

PORTAL = '[portal]\nenabled = true\npublic_url = "https://portal.example.com"\nfree_credit = "5"\n'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Made]:
    """``opened(more)``: another node's office on the same database; ``more`` is added to ``[portal]``."""
    with ExitStack() as stack:

        def make(more: str = "", environ: dict[str, str] | None = None, dialect: Dialect | None = None) -> Office:
            config = tmp_path / "router.toml"
            config.write_text(f'[database]\nurl = "{database_url}"\n{PORTAL}{more}', encoding="utf-8")
            settings = load_settings(config, {"ROUTER_MASTER_KEY": "m" * 44} if environ is None else environ)
            database = open_database(database_url, tmp_path, create=True)
            stack.callback(database.close)
            migrate(database)
            spoken = dialect or Dialect()
            return Office(
                settings,
                database,
                dialect=lambda: spoken,
                providers=dict,
                shelf=lambda: pytest.fail("no model is asked for"),
                clock=clock,
            )

        yield make


@pytest.fixture
def office(opened: Made) -> Office:
    return opened()


@pytest.fixture
def local(sqlite_url: str, tmp_path: Path, clock: Clock) -> Iterator[Office]:
    """An office on SQLite, for rules in which no SQL is at stake."""
    config = tmp_path / "router.toml"
    config.write_text(f'[database]\nurl = "{sqlite_url}"\n{PORTAL}', encoding="utf-8")
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    settings = load_settings(config, {"ROUTER_MASTER_KEY": "m" * 44})
    yield Office(settings, database, dialect=Dialect, providers=dict, shelf=lambda: pytest.fail("no"), clock=clock)
    database.close()
