"""What a client may send, and how long it may take over it."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["ClientLimits"]


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Bounds of one connection, and of how many there are. Times are seconds, sizes are bytes.

    Attributes:
        header_timeout_s: from a request's first byte to the end of its header.
        body_timeout_s: one wait for more of a body.
        body_total_s: the whole body, from the first read of it.
        keep_alive_s: how long a connection may be idle between two requests.
        send_timeout_s: one wait for the client to take more of the response.
        max_header_bytes: request line and header fields together; also trailers and chunk extensions.
        max_headers: header fields of one request.
        max_target_bytes: path and query.
        max_connections: open at a time in one worker.
        max_connections_per_address: of those from one address; 0 is half of them.
    """

    header_timeout_s: float = 30.0
    body_timeout_s: float = 60.0
    body_total_s: float = 300.0
    keep_alive_s: float = 75.0
    send_timeout_s: float = 60.0
    max_header_bytes: int = 64 * 1024
    max_headers: int = 200
    max_target_bytes: int = 16 * 1024
    max_connections: int = 10_000
    max_connections_per_address: int = 0

    @classmethod
    def of(cls, settings: object) -> ClientLimits:
        """The limits that ``settings`` names by the same attribute, the defaults for the others."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: getattr(settings, name) for name in names if hasattr(settings, name)})
