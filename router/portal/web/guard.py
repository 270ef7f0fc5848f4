"""What stands before every page: forms come from pages of ours alone, and a browser is told to keep to us.

A browser says in ``Sec-Fetch-Site`` whose page a request comes from (W3C Fetch Metadata); one that does not says in
``Origin``. A sibling port and a sibling subdomain count as strangers. Whoever sends neither is no browser, and has no
business with a cookie.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from router.errors import Forbidden

__all__ = ["API_HEADERS", "HSTS", "PAGE_HEADERS", "SAFE", "check_origin", "is_local", "origin_of"]

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

PAGE_HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("X-Frame-Options", "DENY"),
)
"""Sent with every page."""

API_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)
"""Sent with JSON."""

HSTS = ("Strict-Transport-Security", "max-age=31536000")
"""Sent where the portal is at an https address."""

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def origin_of(url: str) -> str:
    """``https://portal.example.com`` of any URL there, as browsers write it: no port where it is the scheme's own."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")


def is_local(host: str) -> bool:
    """Whether a ``Host`` is this machine, where browsers keep secure cookies over plain HTTP as well."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # brackets around no address
        return False
    return name in _LOCAL or name.endswith(".localhost")


def check_origin(method: str, headers: Mapping[str, str], own_origin: str) -> None:
    """Refuse what does not come from a page of ours.

    Args:
        headers: by lower-case name.
        own_origin: where the portal is, as configured: what a client calls us proves nothing.

    Raises:
        Forbidden: it comes from somewhere else, or says nothing.
    """
    if method in SAFE:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        if site == "same-origin":
            return
    elif headers.get("origin") == own_origin:
        return
    raise Forbidden(
        "This form did not come from a page of this portal. Open the page itself, and send it from there.",
        code="foreign_form",
    )
