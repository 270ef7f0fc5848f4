"""A migrated database of each engine, with an account in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.db.connection import Connection
from router.db.database import Database
from router.store.accounts import Account, create_account
from router.store.migrating import migrate
from router.store.opening import open_database


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    database = open_database(database_url, tmp_path, create=True)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def account(database: Database) -> Account:
    return create_account(database, "Ours")


@pytest.fixture
def tamper(database: Database) -> Callable[..., None]:
    """``tamper(sql, *params)``: a statement that the triggers would refuse."""

    def run(sql: str, *params: object) -> None:
        def drop_and_execute(connection: Connection) -> None:
            for table in ("transfers", "audit"):
                for event in ("update", "delete", "replace", "truncate"):
                    on = f" ON {table}" if connection.engine == "postgresql" else ""
                    connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{event}{on}")
            connection.execute(sql, params)

        database.write(drop_and_execute)

    return run
