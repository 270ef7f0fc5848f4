"""The fast reader: a whole POST to the path of a call, in one piece and in the plainest form, as nearly every call is.

It accepts a part of what llhttp accepts, and judges nothing: whatever is not exactly that is read by llhttp, from the
same untouched bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Container
from dataclasses import dataclass

from router.calls.request import Incoming
from router.db.ids import new_request_id
from router.http.incoming import client_request_id
from router.http.peer import TRACE, ConnectionPeer
from router.http.placed import is_placed
from router.http1.limits import ClientLimits

__all__ = ["PostReader"]

_POST = re.compile(
    rb"POST (/[!-~]*) HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)+)\r\n",
)
_FIELDS = re.compile(rb"([^:]+):[\t ]*([^\r]*?)[\t ]*\r\n").findall
_ELSEWHERE = frozenset(
    {b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"connection", b"proxy-connection"}
)
"""Fields that change how a request is read or answered: a request with one is llhttp's, but for the usual one."""
_KEEP_ALIVE = (b"keep-alive", b"Keep-Alive")
_READ = frozenset({b"authorization", b"x-api-key", b"api-key", b"origin", b"idempotency-key", b"x-request-id"})
_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True)
class PostReader:
    """Reads what one connection receives at once.

    Attributes:
        paths: of calls.
        limits: bounds of a head.
        body_max: bytes of a body.
        peers: whose the requests of the connection are.
        read_path: as the application's; None where no path names a model.
    """

    paths: Container[str]
    limits: ClientLimits
    body_max: int
    peers: ConnectionPeer
    read_path: Callable[[str], tuple[str, str]] | None = None

    def read(self, data: bytes) -> Incoming | None:
        """The request that ``data`` is, no more and no less; None if it is for llhttp."""
        found = _POST.match(data)
        if found is None:
            return None
        path, query, model, size = found[1].decode("ascii"), "", "", len(data) - found.end()
        if path not in self.paths:
            path, _, query = path.partition("?")
            if "%" in path or self.read_path is None:
                return None
            path, model = self.read_path(path)
            if not is_placed(path) or path not in self.paths:
                return None
        named = _FIELDS(found[2])
        fields = {name.lower(): value for name, value in named}
        length = fields.get(b"content-length", b"")
        if (
            len(fields) != len(named)
            or not length.isdigit()
            or len(length) > _DIGITS_MAX
            or int(length) != size
            or size > self.body_max
            or found.end() > self.limits.max_header_bytes
            or len(named) > self.limits.max_headers
            or b"host" not in fields
            or not (_ELSEWHERE.isdisjoint(fields) or _only_keeps_alive(fields))
        ):
            return None
        text = {name: value.decode("latin-1") for name, value in fields.items() if name in _READ}
        own_id = text.get(b"x-request-id")
        peers = self.peers
        believed = peers.believed
        plain = TRACE not in fields and (not believed or believed.isdisjoint(fields)) and peers.host == fields[b"host"]
        return Incoming(
            path,
            new_request_id(),
            time.time(),
            time.monotonic(),
            text.get(b"authorization"),
            text.get(b"x-api-key"),
            text.get(b"origin"),
            text.get(b"idempotency-key"),
            client_request_id(own_id) if own_id else "",
            peers.peer if plain else peers.read(fields),
            api_key=text.get(b"api-key"),
            body_size=size,
            raw=data[found.end() :],
            fields=fields,
            query=query,
            model=model,
        )


def _only_keeps_alive(fields: dict[bytes, bytes]) -> bool:
    """Whether the one field that is for llhttp says no more than what is so without it."""
    return fields.get(b"connection") in _KEEP_ALIVE and len(_ELSEWHERE.intersection(fields)) == 1
