"""The database of New API (and of One API, which it came from): users, their tokens, and what quota is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from router.db.columns import table_names
from router.db.connection import Connection
from router.store.foreign.opened import read_foreign

__all__ = ["NewApiTables", "read_new_api"]

_NEEDED = {
    "users": ("id", "username", "quota", "status"),
    "tokens": ("id", "user_id", "key", "status", "expired_time", "remain_quota", "unlimited_quota"),
}


class NewApiTables(NamedTuple):
    """The rows as they are.

    Attributes:
        quota_per_unit: its setting of that name, as text; empty where it was never set.
    """

    users: list[dict[str, Any]]
    tokens: list[dict[str, Any]]
    quota_per_unit: str


def read_new_api(url: str, base_dir: Path) -> NewApiTables:
    """Read what bears on customers. Further columns that a version lacks are not in the rows.

    Raises:
        BadRequest, StoreError: as ``read_foreign``.
    """

    def read(connection: Connection) -> NewApiTables:
        setting = None
        if "options" in table_names(connection):
            setting = connection.row("SELECT value FROM options WHERE \"key\" = 'QuotaPerUnit'")
        return NewApiTables(
            connection.rows("SELECT * FROM users ORDER BY id"),
            connection.rows("SELECT * FROM tokens ORDER BY id"),
            str(setting["value"] or "") if setting else "",
        )

    return read_foreign(url, base_dir, _NEEDED, "New API", read)
