"""Usage rows: one per finished call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from router.store.connection import Connection
from router.store.database import Database
from router.store.names import clean_text
from router.types import Attempt, CallRecord

__all__ = ["insert_usage", "list_usage"]

_COLUMNS = (
    "request_id, created_at, route, account_id, key_id, model, provider, upstream_model, status, ending, error_code, "
    "streamed, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, estimated, latency_ms, "
    "first_token_ms, attempts"
)
_INSERT = (
    f"INSERT INTO usage ({_COLUMNS}) VALUES ({', '.join('?' * len(_COLUMNS.split(',')))}) "  # noqa: S608 - constant text
    "ON CONFLICT (request_id) DO NOTHING"
)
_LIMIT_MAX = 10_000


def insert_usage(connection: Connection, records: Sequence[CallRecord]) -> None:
    """Write rows, all in one exchange. A row whose ``request_id`` is there already is left as it is."""
    connection.execute_many(_INSERT, [_values(record) for record in records])


def list_usage(
    database: Database,
    *,
    account: str | None = None,
    key: str | None = None,
    since: float | None = None,
    limit: int = 100,
) -> list[CallRecord]:
    """The newest rows, newest first.

    Args:
        account: only this account's.
        key: only this key's.
        since: only calls that arrived at this time (Unix seconds) or later.
        limit: how many at most; no more than 10,000.
    """
    filters = [("account_id = ?", account), ("key_id = ?", key), ("created_at >= ?", since)]
    given = [(condition, value) for condition, value in filters if value is not None]
    where = f"WHERE {' AND '.join(condition for condition, _ in given)}" if given else ""
    sql = f"SELECT {_COLUMNS} FROM usage {where} ORDER BY created_at DESC, request_id LIMIT ?"  # noqa: S608 - constant
    params = [*(value for _, value in given), max(0, min(limit, _LIMIT_MAX))]
    return [_record(row) for row in database.read(lambda connection: connection.rows(sql, params))]


def _values(record: CallRecord) -> tuple[Any, ...]:
    """The columns in order. Text that a client chose is cleaned; a database takes no NUL and no half a character."""
    return (
        record.request_id,
        record.created_at,
        record.route,
        record.account,
        record.key,
        clean_text(record.model),
        record.provider,
        clean_text(record.upstream_model),
        record.status,
        record.ending,
        clean_text(record.error_code),
        record.streamed,
        record.prompt_tokens,
        record.completion_tokens,
        record.cached_tokens,
        record.reasoning_tokens,
        record.estimated,
        record.latency_ms,
        record.first_token_ms,
        json.dumps([asdict(attempt) for attempt in record.attempts]),
    )


def _record(row: dict[str, Any]) -> CallRecord:
    row["account"] = row.pop("account_id")
    row["key"] = row.pop("key_id")
    row["streamed"] = bool(row["streamed"])
    row["estimated"] = bool(row["estimated"])
    row["attempts"] = tuple(Attempt(**attempt) for attempt in json.loads(row["attempts"]))
    return CallRecord(**row)
