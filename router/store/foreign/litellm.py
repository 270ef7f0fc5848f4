"""LiteLLM's PostgreSQL database: teams, users, keys, and the budgets that keys share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from router.db.columns import table_names
from router.db.connection import Connection
from router.store.foreign.opened import read_foreign

__all__ = ["LitellmTables", "read_litellm"]

_KEYS, _TEAMS = "LiteLLM_VerificationToken", "LiteLLM_TeamTable"
_USERS, _BUDGETS = "LiteLLM_UserTable", "LiteLLM_BudgetTable"
_Rows = list[dict[str, Any]]


class LitellmTables(NamedTuple):
    """The rows as they are. Amounts, floats there, come as text besides: ``max_budget_text``, ``spend_text``."""

    keys: _Rows
    teams: _Rows
    users: _Rows
    budgets: _Rows


def read_litellm(url: str, base_dir: Path) -> LitellmTables:
    """Read what bears on customers. Columns that a version lacks are not in the rows.

    Raises:
        BadRequest, StoreError: as ``read_foreign``.
    """

    def read(connection: Connection) -> LitellmTables:
        there = set(table_names(connection))

        def rows(table: str, *amounts: str, order: str) -> _Rows:
            if table not in there:
                return []
            texts = "".join(f', CAST("{name}" AS TEXT) AS "{name}_text"' for name in amounts)
            return connection.rows(f'SELECT *{texts} FROM "{table}" ORDER BY "{order}"')  # noqa: S608 - constant names

        return LitellmTables(
            rows(_KEYS, "max_budget", "spend", order="token"),
            rows(_TEAMS, "max_budget", "spend", order="team_id"),
            rows(_USERS, "max_budget", "spend", order="user_id"),
            rows(_BUDGETS, "max_budget", order="budget_id"),
        )

    return read_foreign(url, base_dir, (_KEYS, _TEAMS), "LiteLLM", read)
