"""The columns of a usage row, in the order of ``CallRecord``'s fields, and both conversions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from router.db.bulk import Columns
from router.db.ids import clean_text
from router.money.usage import Units
from router.types.records import Attempt, CallRecord

__all__ = ["COLUMNS", "NAMES", "clean_record", "record_of", "values_of"]

COLUMNS: Columns = (
    ("request_id", "text"),
    ("created_at", "float8"),
    ("route", "text"),
    ("account_id", "text"),
    ("key_id", "text"),
    ("model", "text"),
    ("provider", "text"),
    ("upstream_model", "text"),
    ("status", "integer"),
    ("ending", "text"),
    ("error_code", "text"),
    ("streamed", "boolean"),
    ("prompt_tokens", "bigint"),
    ("completion_tokens", "bigint"),
    ("cached_tokens", "bigint"),
    ("reasoning_tokens", "bigint"),
    ("estimated", "boolean"),
    ("latency_ms", "bigint"),
    ("first_token_ms", "bigint"),
    ("attempts", "text"),
    ("cache_write_tokens", "bigint"),
    ("clamped", "boolean"),
    ("charge_nano", "bigint"),
    ("shortfall_nano", "bigint"),
    ("cost_nano", "bigint"),
    ("rate_nano", "bigint"),
    ("prices", "text"),
    ("marks", "text"),
    ("reported", "text"),
    ("reported_model", "text"),
    ("client_request_id", "text"),
    ("units", "text"),
    ("answer_id", "text"),
)
"""In the order of the fields of ``CallRecord``."""
NAMES = ", ".join(name for name, _ in COLUMNS)
_encode = msgspec.json.Encoder().encode
_BOOLEANS = [place for place, (_, kind) in enumerate(COLUMNS) if kind == "boolean"]
_PLACES = {name: place for place, (name, _) in enumerate(COLUMNS)}


def clean_record(record: CallRecord) -> CallRecord:
    """Text that a client or an upstream chose, as a database takes it: no NUL, no half a character."""
    if all(map(str.isprintable, _foreign(record))):
        return record
    return replace(
        record,
        model=clean_text(record.model),
        upstream_model=clean_text(record.upstream_model),
        error_code=clean_text(record.error_code),
        reported_model=clean_text(record.reported_model),
        client_request_id=clean_text(record.client_request_id),
        answer_id=clean_text(record.answer_id),
    )


def _foreign(record: CallRecord) -> tuple[str, ...]:
    own = record.model, record.upstream_model, record.error_code
    return (*own, record.reported_model, record.client_request_id, record.answer_id)


def values_of(record: CallRecord) -> tuple[Any, ...]:
    """The columns in order."""
    attempts = record.attempts
    if not all(one.message.isprintable() for one in attempts):
        attempts = tuple(replace(one, message=clean_text(one.message)) for one in attempts)
    return (
        record.request_id,
        record.created_at,
        record.route,
        record.account,
        record.key,
        record.model,
        record.provider,
        record.upstream_model,
        record.status,
        record.ending,
        record.error_code,
        record.streamed,
        record.prompt_tokens,
        record.completion_tokens,
        record.cached_tokens,
        record.reasoning_tokens,
        record.estimated,
        record.latency_ms,
        record.first_token_ms,
        _encode(attempts).decode(),
        record.cache_write_tokens,
        record.clamped,
        record.charge_nano,
        record.shortfall_nano,
        record.cost_nano,
        record.rate_nano,
        _encode(record.prices).decode() if record.prices else "",
        " ".join(sorted(record.marks)),
        _encode(record.reported).decode() if record.reported else "",
        record.reported_model,
        record.client_request_id,
        None if record.units is None else _encode(record.units.counts()).decode(),
        record.answer_id,
    )


def record_of(row: Sequence[Any]) -> CallRecord:
    values = list(row)
    for place in _BOOLEANS:
        values[place] = bool(values[place])
    values[_PLACES["attempts"]] = tuple(Attempt(**attempt) for attempt in json.loads(values[_PLACES["attempts"]]))
    values[_PLACES["marks"]] = tuple(values[_PLACES["marks"]].split())
    for name in ("prices", "reported"):
        values[_PLACES[name]] = json.loads(values[_PLACES[name]] or "{}")
    units = values[_PLACES["units"]]
    values[_PLACES["units"]] = Units(**json.loads(units)) if units else None
    return CallRecord(*values)
