"""Backups."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from router.errors import BadRequest
from router.store.accounts import create_account, list_accounts
from router.store.migrating import migrate, pending
from router.store.moving.backup import backup
from router.store.opening import open_database


def test_a_backup_is_a_whole_database(database_url: str, tmp_path: Path) -> None:
    database = open_database(database_url, tmp_path, create=True)
    migrate(database)
    create_account(database, "kept")
    backup(database, tmp_path / "copy.db", {})
    create_account(database, "too late")
    database.close()
    assert [one.name for one in tmp_path.glob("copy.db*")] == ["copy.db"]
    copy = open_database("sqlite:///copy.db", tmp_path)
    assert [account.name for account in list_accounts(copy)] == ["kept"]
    assert pending(copy) == []
    copy.close()
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_a_backup_overwrites_nothing_and_leaves_nothing_half(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(sqlite_url, tmp_path, create=True)
    migrate(database)
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(BadRequest, match=r"mine exists already"):
        backup(database, tmp_path / "mine", {})
    assert (tmp_path / "mine").read_text() == "precious"
    with pytest.raises(BadRequest, match=r"cannot be written: No such file or directory\.$"):
        backup(database, tmp_path / "missing" / "copy.db", {})
    database.close()
    assert list(tmp_path.glob("*.partial")) == []
