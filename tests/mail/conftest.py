"""An office on a database of either engine, whose clock the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from mail_kit import MakeOffice, MovedClock

from router.app.start import assemble
from router.config.file import load_settings
from router.office.office import Office
from router.store.migrating import migrate
from router.store.opening import open_database


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def make_office(database_url: str, tmp_path: Path, clock: MovedClock) -> Iterator[MakeOffice]:
    """``make_office(more)``: another node's office on the same database; ``more`` is added to the configuration."""
    with ExitStack() as stack:

        def make(more: str = "") -> Office:
            config = tmp_path / "router.toml"
            config.write_text(f'[database]\nurl = "{database_url}"\n[providers.echo]\n{more}', encoding="utf-8")
            load_settings(config, {})
            database = open_database(database_url, tmp_path, create=True)
            migrate(database)
            database.close()
            assembly = assemble(config, {"ROUTER_MASTER_KEY": "m" * 44})
            stack.callback(assembly.close)
            assembly.office.clock = clock
            return assembly.office

        yield make


@pytest.fixture
def office(make_office: MakeOffice) -> Office:
    return make_office('[portal]\nname = "Ours"\npublic_url = "https://portal.example.com"\n')
