"""Whose a request is."""

from __future__ import annotations

from dataclasses import dataclass

from router.structs import record

__all__ = ["NOBODY", "Peer"]


@record
@dataclass(frozen=True, slots=True)
class Peer:
    """Whose request it is, by the socket and by those headers that may be believed.

    Attributes:
        address: the client's IP address; empty where that is not known (a Unix socket).
        scheme: ``http`` or ``https``, as the client spoke it.
        host: as the client named it; empty where that is no host's name. It is what a client likes to send: never make
            a link of it that somebody else is to follow.
        traceparent: the client's place in its trace (W3C Trace Context, version 00); empty without one.
        tracestate: what tracers say of that place besides; empty where they say nothing, or there is no such place.
    """

    address: str = ""
    scheme: str = "http"
    host: str = ""
    traceparent: str = ""
    tracestate: str = ""


NOBODY = Peer()
"""The peer of what no request has asked for."""
