"""Usage rows as CSV: UTF-8 whatever the locale, one row in memory at a time, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, TextIO

from router.money.amounts import format_nano
from router.money.usage import UNITS
from router.types.records import Attempt, CallRecord

__all__ = ["open_csv", "write_csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@contextmanager
def open_csv(path: Path | None) -> Iterator[TextIO]:
    """A file, made or replaced, that only its owner may read; or standard output where ``path`` is None.

    Raises:
        OSError: it cannot be written.
    """
    if path is not None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
        return
    stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield stream
        stream.flush()
    finally:
        stream.detach()  # or standard output would be closed with it


def write_csv(stream: TextIO, records: Iterable[CallRecord]) -> int:
    """Write a line of headings and a line for each row; how many rows there were."""
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    count = 0
    for record in records:
        writer.writerow([_cell(read(record)) for read in _COLUMNS.values()])
        count += 1
    return count


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
