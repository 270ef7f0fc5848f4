"""LiteLLM's PostgreSQL database: teams, users, keys, and the budgets that keys share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from router.db.columns import columns_of, table_names
from router.db.connection import Connection, quoted
from router.store.foreign.opened import read_foreign

__all__ = ["LitellmTables", "read_litellm"]

_KEYS, _TEAMS = "LiteLLM_VerificationToken", "LiteLLM_TeamTable"
_USERS, _BUDGETS = "LiteLLM_UserTable", "LiteLLM_BudgetTable"
_Rows = list[dict[str, Any]]

_MONEY = ("max_budget", "spend")
_NEEDED = {
    _KEYS: ("token", "user_id", "team_id", "models", "expires", *_MONEY),
    _TEAMS: ("team_id", "models", *_MONEY),
}
_LIMITS = ("tpm_limit", "rpm_limit", "max_parallel_requests", "budget_duration")
_MORE = {
    _KEYS: ("key_name", "key_alias", "blocked", "budget_id", "project_id", "organization_id", *_LIMITS),
    _TEAMS: ("team_alias", "blocked", "project_id", "organization_id", *_LIMITS),
    _USERS: ("user_id", "user_alias", "user_email", "models", *_MONEY, *_LIMITS),
    _BUDGETS: ("budget_id", "max_budget", *_LIMITS),
}
"""What is read where a version has it; of the tables that need not be there, all."""


class LitellmTables(NamedTuple):
    """The rows as they are, but for amounts, floats there, which are text (``max_budget_text``, ``spend_text``), and
    times, which are Unix seconds: ``expires``, infinite for never.
    """

    keys: _Rows
    teams: _Rows
    users: _Rows
    budgets: _Rows


def read_litellm(url: str, base_dir: Path) -> LitellmTables:
    """Read what bears on customers. Further columns that a version lacks are not in the rows.

    Raises:
        BadRequest, StoreError: as ``read_foreign``.
    """

    def read(connection: Connection) -> LitellmTables:
        there = set(table_names(connection))

        def rows(table: str, order: str) -> _Rows:
            if table not in there:
                return []
            present = columns_of(connection, table)
            wanted = [name for name in (*_NEEDED.get(table, ()), *_MORE[table]) if name in present]
            sql = f"SELECT {', '.join(map(_read, wanted))} FROM {quoted(table)} ORDER BY {quoted(order)}"  # noqa: S608
            return connection.rows(sql)

        return LitellmTables(
            rows(_KEYS, "token"), rows(_TEAMS, "team_id"), rows(_USERS, "user_id"), rows(_BUDGETS, "budget_id")
        )

    return read_foreign(url, base_dir, _NEEDED, "LiteLLM", read)


def _read(name: str) -> str:
    """A column as it is read: its times may be ones that Python has no date for."""
    if name in _MONEY:
        return f'CAST("{name}" AS TEXT) AS "{name}_text"'
    if name == "expires":
        return f'CAST(EXTRACT(EPOCH FROM "{name}") AS DOUBLE PRECISION) AS "{name}"'
    return quoted(name)
