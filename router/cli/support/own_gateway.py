"""How commands reach the gateway that runs by the same configuration on this machine."""

from __future__ import annotations

import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from router.config.file import Settings
from router.config.tls import local_trust

__all__ = ["own_session", "why_no_answer"]


def why_no_answer(error: Exception) -> str:
    """Why a request had no answer, in words: what ``requests`` says of it quotes its own insides.

    Whatever is no ``requests`` exception is told as it is.
    """
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (requests.exceptions.SSLError, "its certificate is not the expected one, or it speaks no TLS"),
        (requests.exceptions.ProxyError, "the proxy of the environment (HTTP_PROXY, HTTPS_PROXY) refuses it"),
        (requests.Timeout, "it took too long"),
        (requests.ConnectionError, "nothing takes a connection there"),
    )
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the answer is {error.response.status_code}"
    if not isinstance(error, requests.RequestException):
        return str(error)
    return next((words for kind, words in kinds if isinstance(error, kind)), "it is no URL that can be asked")


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
