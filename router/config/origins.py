"""Origins of web pages, as an operator writes them and as browsers send them."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["EVERYBODY", "check_origins"]

EVERYBODY = "*"

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


def check_origins(origins: Sequence[str], *, credentials: bool) -> None:
    """Refuse what no browser would send, and what would let every page act for whoever looks at it.

    Raises:
        ValueError: what is wrong, and what to write instead.
    """
    if credentials and EVERYBODY in origins:
        raise ValueError(
            "'*' cannot stand together with cors_credentials = true, for every page on the web could then act with its "
            "visitors' credentials: name the origins, or take cors_credentials out (keys in headers need it not)"
        )
    if EVERYBODY in origins and len(origins) > 1:
        raise ValueError("'*' is every origin: leave the others out, or leave it out")
    for origin in origins:
        if origin != EVERYBODY:
            _check(origin)


def _check(origin: str) -> None:
    example = "write scheme, host and perhaps a port, such as 'https://chat.example.com', or '*' for every page"
    if origin == "null":
        raise ValueError(f"'null' is the origin of any page that hides its own: {example}")
    if _ORIGIN.fullmatch(origin.lower()) is None:
        bare = origin.lower().rstrip("/")
        remedy = f"write {bare!r}" if _ORIGIN.fullmatch(bare) else example
        raise ValueError(f"{origin!r} is no origin of a web page: {remedy}")
    scheme = origin.lower().partition("://")[0]
    port = _USUAL_PORTS.get(scheme, "")
    if port and origin.endswith(port):
        raise ValueError(f"{origin!r} names the port that browsers leave out: write {origin.removesuffix(port)!r}")
