"""An office whose customers have webhooks, on a database of either engine, and a receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from webhooks_kit import Clock, Receiver

from router.config.file import load_settings
from router.office.office import Office
from router.office.webhooks.delivering import WebhookCourier
from router.store.accounts import create_account
from router.store.migrating import migrate
from router.store.opening import open_database
from router.types.dialect import Dialect


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def open_office(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Office]]:
    """``open_office(url, more)``: an office on a database; ``more`` is added to ``[webhooks]``."""
    with ExitStack() as stack:

        def make(url: str, more: str = "", loopback: bool = True) -> Office:
            config = tmp_path / "router.toml"
            allow = "allow_loopback = true\n" if loopback else ""
            portal = '[portal]\nenabled = true\npublic_url = "https://portal.example.com"\n'
            config.write_text(f'[database]\nurl = "{url}"\n{portal}[webhooks]\n{allow}{more}', encoding="utf-8")
            settings = load_settings(config, {"ROUTER_MASTER_KEY": "m" * 44})
            database = open_database(url, tmp_path, create=True)
            stack.callback(database.close)
            migrate(database)
            return Office(
                settings, database, dialect=Dialect, providers=dict, shelf=lambda: pytest.fail("no"), clock=clock
            )

        yield make


@pytest.fixture
def office(open_office: Callable[..., Office], database_url: str) -> Office:
    return open_office(database_url)


@pytest.fixture
def local(open_office: Callable[..., Office], sqlite_url: str) -> Office:
    """On SQLite alone, for rules in which no SQL is at stake."""
    return open_office(sqlite_url)


@pytest.fixture
def account(request: pytest.FixtureRequest) -> str:
    name = "office" if "office" in request.fixturenames else "local"
    return create_account(request.getfixturevalue(name).database, "acme").id


@pytest.fixture
def couriers() -> Iterator[Callable[[Office], WebhookCourier]]:
    made: list[WebhookCourier] = []

    def make(office: Office) -> WebhookCourier:
        made.append(WebhookCourier(office, jitter=lambda: 0.5))
        return made[-1]

    yield make
    for one in made:
        one.close()
