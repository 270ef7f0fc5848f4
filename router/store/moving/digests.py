"""What a table's rows are, as one number: the same on both engines and in whatever order they come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

__all__ = ["RowsDigest", "comparable"]

_BYTES = 16
_ALIKE = ("text", "bigint", "integer", "smallint", "boolean", "double precision", "bytea")
"""The types of PostgreSQL whose values SQLite gives back as they are; times and JSON are texts there."""


def comparable(kinds: Iterable[str]) -> list[int]:
    """The places of the columns whose values are the same in both, by their types on PostgreSQL."""
    return [place for place, kind in enumerate(kinds) if kind in _ALIKE]


class RowsDigest:
    """Rows as they pass, summed up.

    Args:
        places: of the values that count; all where None.

    Attributes:
        count: how many rows there were.
        value: the sum of their digests.
    """

    def __init__(self, places: Sequence[int] | None) -> None:
        self._places = places
        self.count = self.value = 0

    def of(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """The same rows, each counted when it is taken."""
        for row in rows:
            self.add(row)
            yield row

    def add(self, row: Sequence[Any]) -> None:
        places = range(len(row)) if self._places is None else self._places
        values = [int(value) if isinstance(value := row[place], bool) else value for place in places]
        text = repr(values).encode("utf-8", "surrogatepass")
        self.value += int.from_bytes(hashlib.blake2b(text, digest_size=_BYTES).digest(), "big")
        self.value %= 1 << (8 * _BYTES)
        self.count += 1
