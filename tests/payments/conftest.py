"""A till on a database of either engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from payments_kit import Clock, Scripted, Till

from router.config.file import load_settings
from router.office.office import Office
from router.office.payments.methods import PaymentMethods
from router.plugin_host.registry import registry_of
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.dialect import Dialect
from router.types.plugin_context import PluginContext

CONFIG = '[portal]\nenabled = true\npublic_url = "https://portal.example.com"\n[payments]\nmethods = ["card"]\n'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_till(tmp_path: Path, clock: Clock) -> Iterator[Any]:
    """``make_till(url, more)``: a till on a database; ``more`` is added to ``[payments]``."""
    opened = []

    def make(url: str, more: str = "", before: str = "") -> Till:
        config = tmp_path / "router.toml"
        config.write_text(f'[database]\nurl = "{url}"\n{before}{CONFIG}{more}', encoding="utf-8")
        settings = load_settings(config, {"ROUTER_MASTER_KEY": "m" * 44})
        database = open_database(url, tmp_path, create=True)
        opened.append(database)
        migrate(database)
        office = Office(settings, database, dialect=Dialect, providers=dict, shelf=lambda: pytest.fail(), clock=clock)
        method = Scripted()
        context = PluginContext(str(config), (), None, "card")
        methods = PaymentMethods(["card"], registry_of(card=method), lambda name: context)
        return Till(office, methods, method, clock)

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def till(database_url: str, make_till: Any) -> Till:
    return make_till(database_url)  # type: ignore[no-any-return]


@pytest.fixture
def local_till(sqlite_url: str, make_till: Any) -> Till:
    """On SQLite alone, for rules in which no SQL is at stake."""
    return make_till(sqlite_url)  # type: ignore[no-any-return]
