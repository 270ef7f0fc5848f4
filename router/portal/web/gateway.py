"""The gateway as the portal calls it: by HTTP, like any client, so that whatever holds for calls holds for these."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from router.config.file import Settings
from router.config.provider import Timeouts
from router.errors import Unavailable, UpstreamError
from router.http_client.pool import PoolTransport
from router.types.transport import Request, Response

__all__ = ["Gateway", "GatewayAnswer", "gateway_url"]

_TIMEOUTS = Timeouts(connect=5.0, first_byte=None, idle=None, whole=None)
"""The gateway bounds its calls itself."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, and where that is found
_CONNECTIONS = 200
_BODY_MAX = 1 << 20


class GatewayAnswer:
    """An answer as it comes; closed where nobody wants the rest, which the gateway takes for a client that left.

    Attributes:
        status: of HTTP.
        kind: its media type.
        request_id: the gateway's ID of the call; empty for none.
    """

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.kind = response.headers.get("content-type", "application/json")
        self.request_id = response.headers.get("x-request-id", "")
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.chunks()

    def read(self) -> bytes:
        """All of it, a megabyte at most."""
        return self._response.read(_BODY_MAX)

    def close(self) -> None:
        """Leave. Harmless when called again, and after the end."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Gateway:
    """Calls the gateway.

    Args:
        url: its base URL, with ``/v1``.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._transport = PoolTransport(max_connections=_CONNECTIONS)

    def post(self, path: str, key: str, body: bytes) -> GatewayAnswer:
        """Send JSON, and wait for the answer's head.

        Args:
            path: below the base URL.
            key: the text of an API key.

        Raises:
            Unavailable: the gateway does not answer.
        """
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            return GatewayAnswer(self._transport.send(Request("POST", self._url + path, headers, body, _TIMEOUTS)))
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
    host = _EVERYWHERE.get(settings.server.host, settings.server.host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{settings.server.port}/v1"
