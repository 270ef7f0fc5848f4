"""How commands reach the gateway that runs by the same configuration on this machine."""

from __future__ import annotations

import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from router.config.file import Settings
from router.config.tls import local_trust

__all__ = ["own_session"]


def own_session(settings: Settings) -> requests.Session:
    """A session that knows the gateway by its very certificate, where it has one, and no proxy of the environment."""
    session = requests.Session()
    session.trust_env = False
    trust = local_trust(settings)
    if trust is not None:
        session.mount("https://", _Pinned(trust))
    return session


class _Pinned(HTTPAdapter):
    """Trusts what a context trusts, whatever name the URL has."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._trust, assert_hostname=False)

    def cert_verify(self, *args: Any) -> None:
        """The context has all there is to know."""
