"""Content encodings that an upstream applies unasked. Decoded in bounded pieces, so that a bomb stays small."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import brotli

from router.http_client.exceptions import Malformed

__all__ = ["decoded"]

_PIECE_BYTES_MAX = 262_144
_BROTLI_LIMIT_BYTES = 131_072  # brotli rounds up
_GZIP = zlib.MAX_WBITS | 16


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The body in non-empty pieces of about 256 KiB at most. ``encoding`` is the header's value; empty is none.

    Raises:
        Malformed, zlib.error, brotli.error: while iterating: an unknown encoding, broken data, or an early end.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from pieces
        return
    decoder = _decoder(encoding)
    fed = False
    for piece in pieces:
        fed = True
        yield from decoder.feed(piece)
    if fed and not decoder.is_finished():
        raise Malformed(f"its {encoding} body ends too early")


class _Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def is_finished(self) -> bool: ...


def _decoder(encoding: str) -> _Decoder:
    if encoding in ("gzip", "x-gzip"):
        return _Zlib(_GZIP)
    if encoding == "deflate":
        return _Zlib(None)
    if encoding == "br":
        return _Brotli()
    raise Malformed("its content encoding is not supported, and none was asked for")


class _Zlib:
    """gzip, and deflate in both of its forms: with zlib's header as specified, and raw as some servers send it."""

    def __init__(self, wbits: int | None) -> None:
        self._wbits = wbits
        self._start = b""
        self._inflater = None if wbits is None else zlib.decompressobj(wbits)

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            data = self._start = self._start + data
            if len(data) < 2:
                return
            has_header = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._wbits = zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
            self._inflater = zlib.decompressobj(self._wbits)
        piece = b""
        # After a full piece more may be waiting inside, though all data was taken.
        while data or (len(piece) == _PIECE_BYTES_MAX and not self._inflater.eof):
            if self._inflater.eof:
                self._inflater = self._next_member()
            piece = self._inflater.decompress(data, _PIECE_BYTES_MAX)
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            if piece:
                yield piece

    def _next_member(self) -> zlib._Decompress:
        if self._wbits != _GZIP:
            raise Malformed("bytes follow the end of its deflate body")
        return zlib.decompressobj(_GZIP)

    def is_finished(self) -> bool:
        return self._inflater is not None and self._inflater.eof


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._decompressor.process(data, output_buffer_limit=_BROTLI_LIMIT_BYTES)
            if not piece:
                return
            yield piece
            data = b""

    def is_finished(self) -> bool:
        return bool(self._decompressor.is_finished())
