"""Whose request it is: the client's address, scheme and host, told by proxies that the operator trusts; and its trace.

Nothing else reads ``X-Forwarded-For``, ``X-Forwarded-Proto``, ``X-Forwarded-Host``, ``Forwarded`` (RFC 7239), and
``traceparent`` and ``tracestate`` (W3C Trace Context). Whoever sends a request can write these headers, so all but the
last two count only where the other end of the socket is a trusted proxy, and only as far as trusted proxies have
written them: lists are read from their end, to which each proxy adds whom it got the request from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from router.config.networks import ADDRESS_MAX, Network, address_of, network_of
from router.types.peer import Peer

__all__ = ["TRACE", "ConnectionPeer", "PeerReader"]

_FOR, _PROTO, _HOST, _FORWARDED = "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"
_OF_PROXIES = (_FOR, _PROTO, _HOST, _FORWARDED)
_TRACE, _STATE = "traceparent", "tracestate"
_NAMES = (*_OF_PROXIES, _TRACE, _STATE)
_IN_ENVIRON = {f"HTTP_{name.upper().replace('-', '_')}": name for name in _NAMES}
_IN_BYTES = {name.encode("ascii"): name for name in _NAMES}
_KEYS = frozenset(_IN_ENVIRON)
_BY_PROXIES = frozenset(name.encode("ascii") for name in _OF_PROXIES)
_BY_NOBODY: frozenset[bytes] = frozenset()

TRACE = _TRACE.encode("ascii")
"""The name of the header that counts whoever sends it."""


_HOPS_MAX = 32
_HOPS_KEPT = 4096
_ELEMENT_MAX = 512
_MAPPED = "::ffff:"  # how the socket of all addresses names clients of IPv4
_SCHEMES = ("http", "https")
_NAME = re.compile(r"(?:[0-9A-Za-z._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(rf'[ \t]*({_WORD})=(?:({_WORD})|"([^"\\]*)")[ \t]*')
_PARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})(?P<rest>-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?P<more>-.*)?"
)

_MEMBER = re.compile(r"[ \t]*(?P<key>[a-z0-9][a-z0-9_*/@-]{0,255})=(?P<value>[ -+\--<>-~]{0,255}[!-+\--<>-~])[ \t]*")
_MEMBERS_MAX = 32
_STATE_MAX = 512  # what is passed on of it; the specification asks for no more
_LONG_MEMBER = 128

Hop = tuple[str, bool]
"""An address on the way of a request, and whether it is a trusted proxy's."""


class PeerReader:
    """Tells of each request whose it is. One per application.

    Args:
        trusted_proxies: addresses and networks, as ``[server] trusted_proxies`` has them.

    Raises:
        ValueError: one of them is none.
    """

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        self._networks = tuple(map(network_of, trusted_proxies))
        self._hop: Callable[[str], Hop | None] = lru_cache(maxsize=_HOPS_KEPT)(_hop_within(self._networks))

    def read(self, address: str, scheme: str, headers: Mapping[str, str]) -> Peer:
        """The peer of one request. Never raises: what is malformed does not count.

        Args:
            address: of the socket's other end; empty where it has none (a Unix socket).
            scheme: that of the socket.
            headers: lower-case name -> value, of ``host`` and of those that this module reads; the values of a header
                that came several times are joined by commas, in their order.
        """
        own_host = headers.get("host", "")
        host = own_host if _NAME.fullmatch(own_host) else ""
        trace = _traceparent(headers[_TRACE]) if _TRACE in headers else ""
        state = _tracestate(headers[_STATE]) if trace and _STATE in headers else ""
        client = address.removeprefix(_MAPPED)
        if self._networks and self.trusts(address):
            client, told_scheme, told_host = self._told(client, headers)
            scheme, host = told_scheme or scheme, told_host or host
        return Peer(client, scheme, host, trace, state)

    def of_environ(self, environ: Mapping[str, Any]) -> Peer:
        """The peer of a WSGI request."""
        headers = {"host": environ.get("HTTP_HOST", "")}
        if not _KEYS.isdisjoint(environ):
            headers |= {name: environ[key] for key, name in _IN_ENVIRON.items() if key in environ}
        return self.read(environ.get("REMOTE_ADDR") or "", environ.get("wsgi.url_scheme", "http"), headers)

    def trusts(self, address: str) -> bool:
        """Whether what a proxy at this end of a socket says counts."""
        hop = self._hop(address.partition("%")[0][:ADDRESS_MAX])  # an interface may follow
        return hop is not None and hop[1]

    def _told(self, address: str, headers: Mapping[str, str]) -> tuple[str, str, str]:
        """Address, scheme and host by a trusted proxy at ``address``; scheme and host are empty where it tells none.

        Where there is any ``X-Forwarded-*``, ``Forwarded`` does not count: a proxy that writes the former lets the
        latter through as the client has sent it.
        """
        if _FOR in headers or _PROTO in headers or _HOST in headers:
            listed = headers.get(_FOR)
            client = address if listed is None else self._client(address, _from_end(listed))[0]
            return client, _scheme(_last(headers.get(_PROTO, ""))), _host(_last(headers.get(_HOST, "")))
        elements = [_element(one) for one in _from_end(headers.get(_FORWARDED, ""))]
        client, number = self._client(address, [one.get("for", "") for one in elements])
        said = elements[number - 1] if number else {}
        return client, _scheme(said.get("proto", "")), _host(said.get("host", ""))

    def _client(self, address: str, entries: Sequence[str]) -> tuple[str, int]:
        """Walk from a trusted proxy at ``address`` to the first that is none, and stop before what is no address.

        Args:
            entries: whom each proxy got the request from, the nearest first.

        Returns:
            the address of the client, and how many entries it took.
        """
        for number, entry in enumerate(entries, 1):
            hop = self._hop(entry) if len(entry) <= ADDRESS_MAX else None
            if hop is None:
                return address, number - 1
            address, trusted = hop
            if not trusted:
                return address, number
        return address, len(entries)

    def at(self, address: str, scheme: str = "http") -> ConnectionPeer:
        """What reads the requests of one connection, whose other end is at ``address`` and speaks ``scheme``."""
        trusted = bool(self._networks) and self.trusts(address)
        return ConnectionPeer(self, address, _BY_PROXIES if trusted else _BY_NOBODY, scheme)


class ConnectionPeer:
    """Whose the requests of one connection are: all the same client's, as long as no header says more.

    ``peer`` is that of every request to ``host`` that has neither ``TRACE`` nor one of ``believed``; all others are to
    be ``read``. To ask so costs neither a function call nor an object. A ``Host`` that names no host is not kept: it
    may be as large as a header may, and the connection stays.

    Attributes:
        believed: lower-case names of the headers of a proxy that count on this connection; empty where none do.
        host: the ``Host`` that was read last; None at first.
        peer: see above.
    """

    __slots__ = ("_address", "_reader", "_scheme", "believed", "host", "peer")

    def __init__(self, reader: PeerReader, address: str, believed: frozenset[bytes], scheme: str) -> None:
        self.believed = believed
        self.host: bytes | None = None
        self.peer = Peer()
        self._reader = reader
        self._address = address
        self._scheme = scheme

    def read(self, fields: Mapping[bytes, bytes]) -> Peer:
        """The peer of a request.

        Args:
            fields: lower-case name -> value of all of its headers, each of which came once; ``host`` is among them.
        """
        headers = {name: fields[key].decode("latin-1") for key, name in _IN_BYTES.items() if key in fields}
        headers["host"] = fields[b"host"].decode("latin-1")
        peer = self._reader.read(self._address, self._scheme, headers)
        if peer.host and TRACE not in fields and self.believed.isdisjoint(fields):
            self.host, self.peer = fields[b"host"], peer
        return peer


def _hop_within(networks: Sequence[Network]) -> Callable[[str], Hop | None]:
    def hop(text: str) -> Hop | None:
        address = address_of(text)
        return None if address is None else (str(address), any(address in network for network in networks))

    return hop


def _from_end(listed: str) -> list[str]:
    """The last entries of a list, the last one first; no more of them than a request plausibly has hops.

    A comma within quotes separates, too: no address has one, and so nobody can hide what follows behind a quote that
    he opens.
    """
    entries = listed.rsplit(",", _HOPS_MAX)
    return [one.strip(" \t") for one in entries[: -_HOPS_MAX - 1 : -1]]


def _last(listed: str) -> str:
    return listed.rpartition(",")[2].strip(" \t")


def _element(text: str) -> dict[str, str]:
    """An element of ``Forwarded``: lower-case name -> value; empty where it is malformed, or names something twice."""
    found: dict[str, str] = {}
    if len(text) > _ELEMENT_MAX:
        return found
    for part in text.split(";"):
        pair = _PAIR.fullmatch(part)
        if pair is None or pair[1].lower() in found:
            return {}
        found[pair[1].lower()] = pair[2] or pair[3] or ""
    return found


def _scheme(text: str) -> str:
    scheme = text.lower()
    return scheme if scheme in _SCHEMES else ""


def _host(text: str) -> str:
    return text if _NAME.fullmatch(text) else ""


def _traceparent(text: str) -> str:
    """The header in the form of version 00, which is the one known here; empty where it is malformed.

    Of a later version its first four fields count, as the specification has it.
    """
    found = _PARENT.fullmatch(text.strip(" \t"))
    if found is None or (found["version"] == "00" and found["more"] is not None):
        return ""
    return f"00{found['rest']}"


def _tracestate(text: str) -> str:
    """The header's members, of no more than ``_STATE_MAX`` characters; empty where it is malformed.

    What is too long loses whole members, as the specification has it: long ones first, then those at the end.
    """
    members = [one for one in text.split(",", 2 * _MEMBERS_MAX) if one.strip(" \t")]
    found = [_MEMBER.fullmatch(one) for one in members[: _MEMBERS_MAX + 1]]
    kept = [f"{one['key']}={one['value']}" for one in found if one is not None]
    if (
        len(kept) < len(members)
        or len(members) > _MEMBERS_MAX
        or len({one.partition("=")[0] for one in kept}) < len(kept)
    ):
        return ""
    excess = len(",".join(kept)) - _STATE_MAX
    for one in reversed(kept.copy()) if excess > 0 else ():
        if excess > 0 and len(one) > _LONG_MEMBER:
            kept.remove(one)
            excess -= len(one) + 1
    while len(",".join(kept)) > _STATE_MAX:
        kept.pop()
    return ",".join(kept)
