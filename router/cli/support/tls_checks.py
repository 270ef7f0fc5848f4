"""What ``router doctor`` and ``router config check`` look at of certificates."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta

from router.cli.support.doctor_checks import Finding
from router.config.file import Settings
from router.config.tls import TlsFiles, gateway_tls, portal_tls
from router.errors import ConfigError

__all__ = ["check_certificates", "check_tls"]

_SOON, _VERY_SOON = timedelta(days=30), timedelta(days=14)
_PARTS = (3, 6)  # of a certificate's life, where that is shorter: some are made for a week
_RENEW = "renew it, then `router reload`"


def check_certificates(settings: Settings, now: datetime) -> None:
    """Raises ``ConfigError``: the gateway, or the portal, cannot serve with its certificate."""
    from router.server.tls import server_context

    for files in _files(settings):
        server_context(files, now)


def check_tls(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether certificates can be served with, for how long, and who can read their keys; nothing without any."""
    for files in _files(settings):
        yield from _certificate(files, now)


def _files(settings: Settings) -> list[TlsFiles]:
    portal = portal_tls(settings) if settings.portal.enabled and settings.portal.workers else None
    found = [one for one in (gateway_tls(settings), portal) if one is not None]
    return list(dict.fromkeys(found))


def _certificate(files: TlsFiles, now: datetime) -> Iterator[Finding]:
    from router.server.tls import certificate_of, server_context

    try:
        server_context(files, now)
        found = certificate_of(files)
    except ConfigError as error:
        detail, _, remedy = error.message.rpartition(": ")
        yield Finding("tls", "problem", detail, remedy)
        return
    life, left = found.ends - found.begins, found.left(now)
    names = ", ".join(found.names) or "no name"
    detail = f"the certificate {files.cert} for {names} ends on {found.ends:%Y-%m-%d %H:%M} UTC"
    if left < min(_VERY_SOON, life / _PARTS[1]):
        yield Finding("tls", "problem", f"{detail}, in {_days(left)}", _RENEW)
    elif left < min(_SOON, life / _PARTS[0]):
        yield Finding("tls", "warning", f"{detail}, in {_days(left)}", _RENEW)
    else:
        yield Finding("tls", "ok", detail)
    if not found.names:
        remedy = "have it made with a subject alternative name"
        yield Finding("tls", "warning", f"{files.cert} names no host: clients refuse it", remedy)
    if files.key.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        yield Finding("tls", "warning", f"{files.key} can be reached by others", f"chmod 640 {files.key}")


def _days(left: timedelta) -> str:
    days = math.floor(left / timedelta(days=1))
    return "1 day" if days == 1 else f"{days} days" if days else "less than a day"
