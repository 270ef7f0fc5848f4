"""The gateway as the portal calls it: by HTTP, like any client, so that whatever holds for calls holds for these."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from gevent import getcurrent

from router.calls.request import ClientConnection
from router.config.file import Settings
from router.config.provider import Timeouts
from router.config.tls import local_url
from router.errors import Unavailable, UpstreamError
from router.http_client.pool import PoolTransport
from router.types.transport import Request, Response

__all__ = ["GatewayAnswer", "GatewayCaller", "gateway_url"]

_TIMEOUTS = Timeouts(connect=5.0, first_byte=None, idle=None, whole=None)
"""The gateway bounds its calls itself."""
_CONNECTIONS = 200


class _ClientLeft(BaseException):
    """Ends a wait for the gateway whose answer nobody wants any more."""


class GatewayAnswer:
    """An answer as it comes; left off as soon as the client leaves, which the gateway takes as its own client's leave.

    Args:
        client: the connection of who reads it; None where there is none to watch.

    Attributes:
        status: of HTTP.
        kind: its media type.
        request_id: the gateway's ID of the call; empty for none.
    """

    def __init__(self, response: Response, client: ClientConnection | None) -> None:
        self.status = response.status
        self.kind = response.headers.get("content-type", "application/json")
        self.request_id = response.headers.get("x-request-id", "")
        self._response = response
        self._client = client

    def __iter__(self) -> Iterator[bytes]:
        while data := self._next():
            yield data

    def close(self) -> None:
        """Leave. Harmless when called again, and after the end."""
        self._response.close()

    def _next(self) -> bytes:
        """The next piece; empty at the end, and where the client has left."""
        try:
            with _watched(self._client):
                return self._response.next()
        except _ClientLeft:
            self.close()
            return b""


class GatewayCaller:
    """Calls the gateway.

    Args:
        url: its base URL, with ``/v1``.
        trust: by what it is known where it speaks HTTPS; None has the system's authorities.
    """

    def __init__(self, url: str, trust: ssl.SSLContext | None = None) -> None:
        self._url = url.rstrip("/")
        self._transport = PoolTransport(max_connections=_CONNECTIONS, ssl_context=trust)

    def post(self, path: str, key: str, body: bytes, client: ClientConnection | None = None) -> GatewayAnswer | None:
        """Send JSON, and wait for the answer's head; None where the client leaves meanwhile.

        Args:
            path: below the base URL.
            key: the text of an API key.
            client: the connection of who asked; None where there is none to watch.

        Raises:
            Unavailable: the gateway does not answer.
        """
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = Request("POST", self._url + path, headers, body, _TIMEOUTS)
        try:
            with _watched(client):
                response = self._transport.send(request)
            return GatewayAnswer(response, client)
        except _ClientLeft:
            return None
        except UpstreamError as error:
            raise Unavailable(
                "The gateway does not answer just now. Try again in a minute.", code="gateway_away", detail=str(error)
            ) from error

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()


def gateway_url(settings: Settings) -> str:
    """Where the portal finds the gateway: as ``[portal] upstream_url`` says, or else where it listens."""
    if settings.portal.upstream_url:
        return settings.portal.upstream_url
    return f"{local_url(settings)}/v1"


@contextmanager
def _watched(client: ClientConnection | None) -> Iterator[None]:
    """Raise ``_ClientLeft`` in the block, which does nothing but wait for the gateway, should the client leave."""
    if client is None:
        yield
        return
    waiting = getcurrent()
    client.watch(lambda: waiting.throw(_ClientLeft()))  # on the hub, on which the block waits
    try:
        yield
    finally:
        client.unwatch()
