"""One response out of bytes: ``httptools`` reads, this decides what is accepted."""

from __future__ import annotations

from typing import Any

import httptools

from router.http_client.exceptions import Malformed

__all__ = ["ResponseParser"]

_HEAD_BYTES_MAX = 65_536
_HEADERS_MAX = 200


class ResponseParser:
    """Parses one response; informational ones (1xx) before it are skipped.

    Attributes:
        status: HTTP status.
        headers: lower-case names; repeated ones joined by ``", "``.
        head_complete: status and headers are there.
        complete: the body is, too.
        reusable: the response lets its connection live, and nothing came after its end.
    """

    __slots__ = (
        "_bytes_without_body",
        "_fields",
        "_fields_bytes",
        "_informational",
        "_parser",
        "_pieces",
        "_refusal",
        "_until_eof",
        "complete",
        "head_complete",
        "headers",
        "reusable",
        "status",
    )

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.head_complete = self.complete = self.reusable = False
        self._fields = self._fields_bytes = self._bytes_without_body = 0
        self._informational = self._until_eof = False
        self._refusal = ""
        self._pieces: list[bytes] = []
        self._parser: Any = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes:
        """Take what one read gave; returns the part of the body in it, freed from its framing.

        Raises:
            Malformed, HttpParserError: the bytes are not HTTP, or not HTTP that we accept.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise Malformed("it switched protocols, which was not asked for") from None
        except httptools.HttpParserError:
            if self._refusal:
                raise Malformed(self._refusal) from None
            if not self.complete:
                raise
            self.reusable = False
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self.complete:
            self._parser = None  # breaks the circle of references
        elif body:
            self._bytes_without_body = 0
        else:
            self._bytes_without_body += len(data)
            if self._bytes_without_body > _HEAD_BYTES_MAX:
                raise Malformed("its headers are too large")
        return body

    def end(self) -> None:
        """The stream has ended.

        Raises:
            ConnectionError: in the middle of the response.
        """
        if not self.head_complete:
            raise ConnectionError("closed the connection without an answer")
        if not self._until_eof:
            raise ConnectionError("closed the connection in the middle of its answer")
        self.complete = True
        self._parser = None

    def on_message_begin(self) -> None:
        if self.complete:
            raise Malformed("bytes after the end of the response")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._fields_bytes += len(name) + len(value)
        if self._fields > _HEADERS_MAX or self._fields_bytes > _HEAD_BYTES_MAX:
            self._refuse("its headers are too many or too large")
        if self.head_complete:  # trailers
            return
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").strip()
        earlier = self.headers.get(key)
        self.headers[key] = text if earlier is None else f"{earlier}, {text}"

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self._informational = True
            self.headers.clear()
            return
        self.head_complete = True
        self.reusable = self._parser.should_keep_alive()
        coding = self.headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            self._refuse("its transfer coding is not supported")
        if self.status in (204, 304):
            self.complete = True
            self.reusable = self.reusable and coding is None and self.headers.get("content-length", "0") == "0"
        else:
            self._until_eof = coding is None and "content-length" not in self.headers

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self._informational:
            self._informational = False
        else:
            self.complete = True

    def _refuse(self, refusal: str) -> None:
        self._refusal = refusal
        raise Malformed(refusal)
