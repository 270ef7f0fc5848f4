"""An office on a database of either engine, with the bundled providers and a configuration of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from office_kit import ADA, Opened

from router.app.assembly import Assembly
from router.app.installed import plugin_migrations, registry_of_settings
from router.app.start import assemble
from router.config.file import load_settings
from router.office.accounts import create_account
from router.office.office import Office
from router.store.migrating import migrate
from router.store.opening import open_database


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Iterator[Opened]:
    """``opened(more)``: another node's office on the same database; ``more`` is added to the configuration."""
    with ExitStack() as stack:

        def make(more: str = "") -> Office:
            config = tmp_path / "router.toml"
            config.write_text(f'[database]\nurl = "{database_url}"\n[providers.echo]\n{more}', encoding="utf-8")
            settings = load_settings(config, {})
            database = open_database(database_url, tmp_path, create=True)
            migrate(database, plugin_migrations(registry_of_settings(settings)))
            database.close()
            assembly: Assembly = assemble(config, {"ROUTER_MASTER_KEY": "m" * 44})
            stack.callback(assembly.close)
            return assembly.office

        yield make


@pytest.fixture
def office(opened: Opened) -> Office:
    return opened()


@pytest.fixture
def account(office: Office) -> str:
    return create_account(office, ADA, "Ours").id
