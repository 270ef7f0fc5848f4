"""``Content-Encoding`` of a request's body: which codings are taken, and their bounded undoing.

Output of more than a few pieces is made in a native thread: zlib and brotli give the interpreter away there, and calls
go on. What grows far beyond its sent size is refused: no honest JSON shrinks so well.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache

import brotli
from gevent.threadpool import ThreadPool

from router.errors import BadRequest, TooLarge

__all__ = ["CODINGS", "UnsupportedCoding", "coding_of", "undone"]

_PIECE = 64 * 1024
_INLINE = 256 * 1024  # of output that is made on the event loop
_RATIO_MAX = 200
_RATIO_FREE = 4 * 2**20  # output up to here may be of any ratio
_MEMBERS_MAX = 1000  # of one gzip body; each costs a decoder
_THREADS = 2
_GZIP, _ZLIB = 31, 15


def _has_bound() -> bool:
    """Whether this brotli can be told to stop: one that cannot makes gigabytes of a hundred bytes in one go."""
    try:
        brotli.Decompressor().process(b"", output_buffer_limit=_PIECE)
    except (TypeError, brotli.error):
        return False
    return True


CODINGS: tuple[str, ...] = ("gzip", "deflate", "br") if _has_bound() else ("gzip", "deflate")
"""The codings that are taken, besides none."""


class UnsupportedCoding(BadRequest):
    """A ``Content-Encoding`` that is not taken; ``Accept-Encoding`` says which are (RFC 9110, 15.5.16)."""

    status = 415
    code = "unsupported_encoding"


def coding_of(header: str) -> str:
    """The one coding of ``CODINGS`` that a ``Content-Encoding`` names; empty for none.

    Raises:
        UnsupportedCoding: another one, or several on top of each other.
    """
    names = [name for part in header.lower().split(",") if (name := part.strip(" \t")) not in ("", "identity")]
    if not names:
        return ""
    name = "gzip" if names == ["x-gzip"] else names[0]
    if len(names) > 1 or name not in CODINGS:
        known = ", ".join(CODINGS)
        raise UnsupportedCoding(
            f"Content-Encoding {header.strip()[:32]!r} is not supported; send one of {known}, or none.",
            headers={"Accept-Encoding": known},
        )
    return name


def undone(raw: bytes, coding: str, max_bytes: int) -> bytes:
    """The body without its coding.

    Args:
        coding: one of ``CODINGS``.

    Raises:
        TooLarge: it becomes longer than ``max_bytes``, or more than 200 times as long as it was sent.
        BadRequest: it is not valid in this coding.
    """
    bound = min(max_bytes, max(_RATIO_FREE, _RATIO_MAX * len(raw)))
    pieces = _unbrotlied(raw) if coding == "br" else _inflated(raw, _GZIP if coding == "gzip" else _ZLIB)
    taken: list[bytes] = []
    try:
        if not _take(pieces, taken, _INLINE):
            _threads().apply(_take, (pieces, taken, bound))
    except (zlib.error, brotli.error):
        raise BadRequest(f"The request body is not valid {coding}.", code="invalid_encoding") from None
    data = b"".join(taken)
    if len(data) > max_bytes:
        raise TooLarge(f"The request body is larger than this gateway takes ({max_bytes} bytes).")
    if len(data) > bound:
        raise TooLarge(f"The request body becomes more than {_RATIO_MAX} times as long as it was sent.")
    return data


@cache
def _threads() -> ThreadPool:
    return ThreadPool(_THREADS)


def _take(pieces: Iterator[bytes], taken: list[bytes], bound: int) -> bool:
    """Add pieces until they are more than ``bound`` bytes together; whether that was all of them."""
    size = sum(map(len, taken))
    while size <= bound:
        piece = next(pieces, None)
        if piece is None:
            return True
        taken.append(piece)
        size += len(piece)
    return False


def _inflated(raw: bytes, window: int) -> Iterator[bytes]:
    decoder = zlib.decompressobj(window)
    members = 1
    for start in range(0, len(raw), _PIECE):
        rest, full = raw[start : start + _PIECE], False
        while rest or full:
            if decoder.eof and rest:
                decoder, members = _next_member(window, members), members + 1
            piece = decoder.decompress(rest, _PIECE)
            yield piece
            rest, full = decoder.unconsumed_tail or decoder.unused_data, len(piece) == _PIECE and not decoder.eof
    if not decoder.eof:
        raise zlib.error("truncated")


def _next_member(window: int, count: int) -> zlib._Decompress:
    """A gzip body may be several, one behind the other (RFC 1952, 2.2)."""
    if window != _GZIP or count >= _MEMBERS_MAX:
        raise zlib.error("something follows the end")
    return zlib.decompressobj(window)


def _unbrotlied(raw: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    for start in range(0, len(raw), _PIECE):
        piece = decoder.process(raw[start : start + _PIECE], output_buffer_limit=_PIECE)
        while piece or not decoder.can_accept_more_data():
            yield piece
            piece = decoder.process(b"", output_buffer_limit=_PIECE)
    if not decoder.is_finished():
        raise brotli.error("truncated")
