"""Usage rows as CSV: UTF-8 whatever the locale, one row in memory at a time, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from router.money.amounts import format_nano
from router.money.usage import UNITS
from router.types.records import Attempt, CallRecord

__all__ = ["csv_pieces"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_pieces(records: Iterable[CallRecord], rows: int = 500) -> Iterator[str]:
    """A line of headings and a line for each row: pieces of text, of so many rows each."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    for number, record in enumerate(records, 1):
        writer.writerow([_cell(read(record)) for read in _COLUMNS.values()])
        if number % rows == 0:
            yield stream.getvalue()
            stream.seek(0)
            stream.truncate()
    yield stream.getvalue()


def _cell(value: Any) -> Any:
    """Text as a spreadsheet shall see it: never a formula, whatever a client called its model."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value


def _plain(*names: str) -> dict[str, Callable[[CallRecord], Any]]:
    return {name: attrgetter(name) for name in names}


def _money(name: str) -> Callable[[CallRecord], str | None]:
    read = attrgetter(name)
    return lambda record: None if read(record) is None else format_nano(read(record))


def _unit(name: str) -> Callable[[CallRecord], int]:
    read = attrgetter(name)
    return lambda record: 0 if record.units is None else read(record.units)


def _time(record: CallRecord) -> str:
    return datetime.fromtimestamp(record.created_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _attempt(one: Attempt) -> str:
    said = f": {one.message}" if one.message else ""
    return f"{one.provider}/{one.model} {one.kind} {one.status or '-'}{said}"


_COLUMNS: Mapping[str, Callable[[CallRecord], Any]] = {
    "created_at": _time,
    **_plain("request_id", "route", "account", "key", "model", "provider", "upstream_model", "status", "ending"),
    **_plain("error_code", "streamed", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens"),
    **_plain("reasoning_tokens", "estimated", "clamped"),
    "charge": _money("charge_nano"),
    "shortfall": _money("shortfall_nano"),
    "cost": _money("cost_nano"),
    "rate": _money("rate_nano"),
    **_plain("latency_ms", "first_token_ms"),
    "attempts": lambda record: len(record.attempts),
    "attempt_messages": lambda record: " | ".join(_attempt(one) for one in record.attempts if one.kind != "ok"),
    "marks": lambda record: " ".join(record.marks),
    "prices": lambda record: json.dumps(record.prices) if record.prices else "",
    "reported": lambda record: json.dumps(record.reported) if record.reported else "",
    **_plain("reported_model", "client_request_id"),
    **{name: _unit(name) for name in UNITS},
}
