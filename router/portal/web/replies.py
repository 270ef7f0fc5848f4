"""What a page answers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.errors import RouterError

__all__ = ["PageReply", "csv_reply", "json_reply", "neutral_cell", "with_wait"]

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(slots=True)
class PageReply:
    """An answer.

    Attributes:
        body: text, or pieces of it as they are made.
        status: of HTTP.
        headers: besides those that every answer has.
    """

    body: str | bytes | Iterable[bytes] = ""
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)


def json_reply(value: Any, status: int = 200) -> PageReply:
    """An answer in JSON."""
    return PageReply(json.dumps(value, ensure_ascii=False), status, [("Content-Type", "application/json")])


def with_wait(reply: PageReply, error: RouterError | None) -> PageReply:
    """The same reply, which says how long to wait where an error does."""
    wait = error.headers.get("Retry-After") if error is not None and error.headers else None
    if wait:
        reply.headers.append(("Retry-After", str(wait)))
    return reply


def csv_reply(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> PageReply:
    """A table for spreadsheets, sent as it is read.

    Args:
        name: of the file, without its ending.
    """
    headers = [
        ("Content-Type", "text/csv; charset=utf-8"),
        ("Content-Disposition", f'attachment; filename="{name}.csv"'),
    ]
    return PageReply(_lines(head, rows), 200, headers)


def neutral_cell(value: object) -> str:
    """A cell's text; one that a spreadsheet would take for a formula begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_STARTS_FORMULA) and not _NUMBER.fullmatch(text) else text


def _lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(head)
    for row in rows:
        writer.writerow([neutral_cell(one) for one in row])
        if buffer.tell() > 1 << 15:
            yield buffer.getvalue().encode("utf-8")
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode("utf-8")
