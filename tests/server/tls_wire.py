"""Clients with TLS, and servers that have a certificate of the test's own."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from server_wire import Client, Server

__all__ = ["SecureClient", "SecureServer", "trusting"]


def trusting(cert: Path, **versions: ssl.TLSVersion) -> ssl.SSLContext:
    """What a client needs to speak to the owner of a certificate.

    Args:
        versions: ``minimum_version``, ``maximum_version``.
    """
    context = ssl.create_default_context(cafile=str(cert))
    for name, version in versions.items():
        setattr(context, name, version)
    return context


class SecureClient(Client):
    """A connection with TLS that sends and receives bytes as told."""

    def __init__(self, port: int, trust: ssl.SSLContext) -> None:
        super().__init__(port)
        self.file.close()
        self.tls = trust.wrap_socket(self.sock, server_hostname="localhost")
        self.sock, self.file = self.tls, self.tls.makefile("rb")

    def __enter__(self) -> SecureClient:
        return self


class SecureServer(Server):
    """``serve_app.py`` with a certificate."""

    def __init__(self, log: Path, pair: tuple[Path, Path], **limits: Any) -> None:
        self.trust = trusting(pair[0])
        super().__init__(log, cert=str(pair[0]), key=str(pair[1]), **limits)

    def client(self) -> SecureClient:
        return SecureClient(self.port, self.trust)
