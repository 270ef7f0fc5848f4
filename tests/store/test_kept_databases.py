"""Databases that earlier versions left, brought up to date: nobody loses a key, an amount or a call."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from router.app.installed import plugin_migrations
from router.db.database import Database
from router.ledger.balances import balance
from router.ledger.transfers import grant
from router.ledger.verify import verify
from router.plugin_host.registry import load_plugins
from router.store import migrating
from router.store.host_migrations import MIGRATIONS
from router.store.keys import hash_key
from router.store.lookup import find_key
from router.store.migrating import migrate, pending
from router.store.moving.copying import copy
from router.store.opening import open_database
from router.testing import Gateway
from router.types.records import Migration

pytestmark = pytest.mark.slow

FILES = sorted((Path(__file__).parents[1] / "fixtures" / "databases").glob("schema_*.sql"))
_LEDGER = 7  # the first version that a landing had with balances


class Kept(NamedTuple):
    """A kept database.

    Attributes:
        number: how many of the host's migrations it has.
        path: where it was put.
    """

    number: int
    path: Path
    api_key: str
    account: str


def put(file: Path, path: Path) -> Kept:
    text = file.read_text(encoding="utf-8")
    _, api_key, account = (line.removeprefix("-- ") for line in text.splitlines()[:3])
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)
    return Kept(int(file.stem[-2:]), path, api_key, account)


@pytest.fixture(scope="module")
def extra() -> Mapping[str, Sequence[Migration]]:
    """The migrations of the bundled plugins."""
    return plugin_migrations(load_plugins())


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return put(request.param, tmp_path / "router.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def old(
    kept: Kept,
    extra: Mapping[str, Sequence[Migration]],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Database]:
    """The kept database, as it is, on each engine."""
    with closing(open_database("sqlite:///router.db", kept.path.parent)) as source:
        if request.param == "sqlite":
            yield source
            return
        url = str(request.getfixturevalue("postgresql_url"))
        with closing(open_database(url, kept.path.parent)) as target, monkeypatch.context() as then:
            then.setattr(migrating, "MIGRATIONS", MIGRATIONS[: kept.number])
            sql = "SELECT owner, max(number) FROM schema_migrations GROUP BY owner"
            taken = dict(source.read(lambda c: c.tuples(sql), whole=False))  # type: ignore[arg-type]
            copy(source, target, {name: steps[: taken[name]] for name, steps in extra.items() if name in taken})
            then.undo()
            yield target


def test_a_kept_database_is_brought_up_to_date(
    kept: Kept, old: Database, extra: Mapping[str, Sequence[Migration]]
) -> None:
    applied = [step.number for step in migrate(old, extra) if step.owner == "router"]
    assert applied == list(range(kept.number + 1, len(MIGRATIONS) + 1))
    assert pending(old, extra) == []
    assert {check.name: check.detail for check in verify(old) if not check.ok} == {}
    found = find_key(old, hash_key(kept.api_key))
    assert found is not None
    assert (found.key.account, found.key.status, found.key.scope) == (kept.account, "active", ())
    had = balance(old, kept.account).balance
    assert had == (11_966_000_000 if kept.number >= _LEDGER else 0)
    rows = old.read(lambda c: c.tuples("SELECT account_id, status FROM usage"))
    assert rows == [(kept.account, 200)] * 4
    hours = old.read(lambda c: c.tuples("SELECT sum(calls), sum(charge_nano) FROM usage_hours"))
    assert [tuple(map(int, row)) for row in hours] == [(4, 34_000_000 if kept.number >= _LEDGER else 0)]
    assert old.read(lambda c: c.tuples("SELECT alias, target FROM aliases")) == [("mine", "echo/echo")]


def test_a_gateway_serves_on_from_the_oldest(tmp_path: Path) -> None:
    serve_on(FILES[0], tmp_path, "sqlite:///kept.db")


@pytest.mark.soak
@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_gateway_serves_on_from_each(file: Path, tmp_path: Path, postgresql_url: str) -> None:
    serve_on(file, tmp_path, postgresql_url)


def serve_on(file: Path, folder: Path, url: str) -> None:
    """A call with the old key, charged, after ``router serve`` has migrated what it found."""
    with Gateway(folder, start=False) as gateway:
        (folder / "kept.db").unlink(missing_ok=True)
        kept = put(file, folder / "kept.db")
        if not url.startswith("sqlite"):
            gateway.configure({"database": {"url": "sqlite:///kept.db"}})
            gateway.router("db", "migrate")
            assert gateway.router("db", "copy", "--to", url)["failed"] == []
        gateway.configure({"database": {"url": url}})
        gateway.start()
        with closing(open_database(url, folder)) as database:
            if kept.number < _LEDGER:
                grant(database, kept.account, 10**9, reason="there were no balances then")
            answer = gateway.client(kept.api_key).chat.completions.create(
                model="mine", messages=[{"role": "user", "content": "one two"}]
            )
            assert answer.choices[0].message.content == "one two"
            assert gateway.stop() == 0
            assert database.read(lambda c: c.tuples("SELECT count(*) FROM usage")) == [(5,)]
            assert all(check.ok for check in verify(database))
