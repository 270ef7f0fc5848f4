"""What commands print: one JSON document or text for people on stdout, messages on stderr."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

import click
from rich.cells import cell_len, set_cell_size

from router.errors import ModelNotFound
from router.types.periods import iso_time

__all__ = [
    "for_operators",
    "hand_over_stdout",
    "iso_time",
    "one_document",
    "pairs",
    "print_error",
    "print_json",
    "printable",
    "table",
]


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


def hand_over_stdout() -> None:
    """Within ``one_document``: the command that follows is a plugin's, and what it prints is the document."""
    if _document is not None:
        sys.stdout = _document


_GAP = "  "
_LEAST = 10  # a column that is folded has this much, or its heading
_NARROWEST = 20


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


def table(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, empty: str, piped: int | None = None
) -> str:
    """Rows as aligned text, one line each; on a terminal that is too narrow for that, cells are folded, and rows of
    many columns are shown one below the other.

    Args:
        columns: key in a row -> heading.
        empty: what to say when there is no row.
        piped: how wide it may be in a file or a pipe, where it is for people there too; None for a line each.
    """
    if not rows:
        return empty
    lines = [list(columns.values()), *([_cell(row.get(key)) for key in columns] for row in rows)]
    widths = [max(cell_len(line[position]) for line in lines) for position in range(len(columns))]
    room = _room() or piped
    if room is None or sum(widths) + len(_GAP) * (len(widths) - 1) <= room:
        texts = [_GAP.join(map(set_cell_size, line, widths)).rstrip() for line in lines]
        return "\n".join([click.style(texts[0], bold=True) if _is_terminal() else texts[0], *texts[1:]])
    least = [min(width, max(cell_len(head), _LEAST)) for width, head in zip(widths, lines[0], strict=True)]
    if sum(least) + len(_GAP) * (len(least) - 1) > room:
        return "\n\n".join(_block(lines[0], line, room) for line in lines[1:])
    return _folded(lines, least, room)


def _folded(lines: Sequence[Sequence[str]], least: Sequence[int], room: int) -> str:
    """A table as wide as the terminal."""
    from rich.table import Table  # slow to import, and for terminals alone
    from rich.text import Text

    style = "bold" if _is_terminal() else ""
    shown = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style=style)
    for head, width in zip(lines[0], least, strict=True):
        shown.add_column(Text(head), min_width=width, overflow="fold")
    for line in lines[1:]:
        shown.add_row(*map(Text, line))
    return _rendered(shown, room)


def _block(heads: Sequence[str], line: Sequence[str], room: int) -> str:
    """One row below its headings."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, show_header=False, padding=(0, len(_GAP), 0, 0))
    shown.add_column(min_width=max(map(cell_len, heads)), style="bold" if _is_terminal() else "")
    shown.add_column(overflow="fold")
    for head, cell in zip(heads, line, strict=True):
        shown.add_row(Text(head), Text(cell))
    return _rendered(shown, room)


def _rendered(shown: Any, room: int) -> str:
    from rich.console import Console

    coloured = _is_terminal()
    console = Console(width=room, color_system="standard" if coloured else None, force_terminal=coloured)
    with console.capture() as caught:
        console.print(shown)
    return "\n".join(line.rstrip() for line in caught.get().splitlines())


def _room() -> int | None:
    """How wide a table may be: as the terminal is, or as ``COLUMNS`` says; None where standard output is a file or a
    pipe, whose readers want one line for each row.
    """
    columns = shutil.get_terminal_size((0, 0)).columns
    return max(_NARROWEST, columns) if columns else None


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def pairs(values: Mapping[str, Any]) -> str:
    """One ``name  value`` line each."""
    width = max(map(cell_len, values))
    return "\n".join(f"{set_cell_size(name, width)}  {_cell(value)}" for name, value in values.items())


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
