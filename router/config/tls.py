"""Where the certificate and its key are: ``tls_cert`` and ``tls_key`` of ``[server]`` and ``[portal]``."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from router.config.file import Settings

__all__ = ["TlsFiles", "gateway_tls", "local_trust", "local_url", "portal_tls"]

_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, and where found


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate and its key.

    Attributes:
        cert: a PEM file: the server's certificate, and behind it those that lead to the authority's.
        key: a PEM file, perhaps the same.
        where: where the configuration says so, for messages.
    """

    cert: Path
    key: Path
    where: str


def gateway_tls(settings: Settings) -> TlsFiles | None:
    """The gateway's; None where it speaks without TLS."""
    server = settings.server
    if not server.tls_cert:
        return None
    return _files(settings, "server", server.tls_cert, server.tls_key)


def portal_tls(settings: Settings) -> TlsFiles | None:
    """That of the portal's own workers: ``[portal]``'s, or else the gateway's; None where they speak without TLS."""
    portal = settings.portal
    if not portal.tls_cert:
        return gateway_tls(settings)
    return _files(settings, "portal", portal.tls_cert, portal.tls_key)


def _files(settings: Settings, section: str, cert: str, key: str) -> TlsFiles:
    folder = settings.path.absolute().parent
    return TlsFiles(folder / cert, folder / (key or cert), settings.where(f"{section}.tls_cert"))


def local_url(settings: Settings) -> str:
    """Where this machine finds the gateway; loopback where it listens on all addresses. No slash at the end."""
    server = settings.server
    host = _EVERYWHERE.get(server.host.strip("[]"), server.host.strip("[]"))
    return f"{'https' if server.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{server.port}"


def local_trust(settings: Settings) -> ssl.SSLContext | None:
    """By what this machine knows the gateway at ``local_url``: its very certificate, which is for another name than
    that. None where it speaks HTTP, or where the certificate cannot be read.
    """
    files = gateway_tls(settings)
    if files is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        text = files.cert.read_text("ascii", "replace")
        own = _FIRST.search(text)  # what stands behind it is an authority's, who signs others' as well
        context.load_verify_locations(cadata=own[0] if own else text)
    except (OSError, ValueError):
        return None
    return context
