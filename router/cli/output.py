"""What commands print: one JSON document or text for people on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

import click

from router.errors import ModelNotFound

__all__ = ["for_operators", "iso_time", "one_document", "pairs", "print_error", "print_json", "printable", "table"]


_document: TextIO | None = None


@contextmanager
def one_document() -> Iterator[None]:
    """Let nothing but the first JSON document come to stdout: what plugins and libraries print goes to stderr."""
    global _document
    _document = sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _document = None


def print_json(value: Any) -> None:
    """One JSON document on stdout. ASCII, so that it survives every terminal and locale.

    Within ``one_document`` only the first is printed: a command that fails after its answer says so on stderr alone.
    """
    global _document
    stream, _document = _document or sys.stdout, None
    if stream is not sys.stderr:
        click.echo(json.dumps(value, indent=2), file=stream)


def print_error(message: str, code: str | None, *, as_json: bool) -> None:
    """``error: message`` on stderr; with ``as_json`` also the document on stdout."""
    message = for_operators(message)
    click.echo(f"error: {printable(message)}", err=True)
    if as_json:
        print_json({"error": {"message": message, "code": code}})


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, empty: str) -> str:
    """Rows as aligned text.

    Args:
        columns: key in a row -> heading.
        empty: what to say when there is no row.
    """
    if not rows:
        return empty
    lines = [list(columns.values()), *([_cell(row.get(key)) for key in columns] for row in rows)]
    widths = [max(len(line[position]) for line in lines) for position in range(len(columns))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def pairs(values: Mapping[str, Any]) -> str:
    """One ``name  value`` line each."""
    width = max(map(len, values))
    return "\n".join(f"{name.ljust(width)}  {_cell(value)}" for name, value in values.items())


def iso_time(seconds: float | None) -> str | None:
    """Unix seconds as ``2026-01-31T12:00:00Z``; None stays None."""
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def printable(text: str) -> str:
    """Text as a terminal may see it: what clients and upstreams wrote can hold control sequences."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)


def for_operators(message: str) -> str:
    """An error's message with the command that lists the models in place of the route that does so for clients."""
    return message.replace(ModelNotFound.listed_at, "`router models list` shows what there is.")


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value)) or "-"
    return printable(str(value)).replace("\n", " ").replace("\t", " ")
