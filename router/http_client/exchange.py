"""One request over a pooled connection, up to the head of its response; sent once more where that is safe."""

from __future__ import annotations

from time import monotonic
from typing import Protocol

from router.errors import UpstreamError
from router.http_client.body import Lender, PoolResponse
from router.http_client.connection import UpstreamConnection
from router.http_client.deadlines import NO_RESPONSE, CallDeadlines
from router.http_client.exceptions import translated
from router.http_client.plain import plain_response
from router.types.transport import Response, Sending

__all__ = ["Connections", "exchange"]


class Connections(Lender, Protocol):
    """Those to one origin."""

    def ready(self) -> UpstreamConnection | None:
        """One that is at hand; None where it has to be waited for."""

    def checkout(self, limits: CallDeadlines, *, fresh: bool = False) -> UpstreamConnection:
        """One, within the ``connect`` limit; a new one if ``fresh``."""
        ...


def exchange(
    pool: Connections,
    head: bytes,
    body: bytes | None,
    limits: CallDeadlines,
    sending: Sending,
    *,
    repeats: bool = False,
) -> Response:
    """Send a request and wait for the head of its response, as ``Transport.send`` says.

    Args:
        head: request line and headers, the blank line included.
        repeats: the request may be sent twice, whenever the connection turns out to be dead.

    Raises:
        UpstreamError: of kind ``connection``, ``timeout`` or ``malformed``.
    """
    try:
        connection = pool.ready() or pool.checkout(limits)
        try:
            return _converse(pool, connection, head, body, limits, sending)
        except TimeoutError:
            raise
        except OSError as error:
            # It may have died while it was idle: only then is a second try safe.
            repeats = repeats and connection.reused and not connection.heard
            if not (repeats or connection.died_idle()):
                raise
            failure = translated(error, pool.origin.host)
            if failure is not None:
                sending.resent(failure)
        return _converse(pool, pool.checkout(limits, fresh=True), head, body, limits, sending)
    except UpstreamError:
        raise
    except Exception as error:
        found = translated(error, pool.origin.host)
        if found is None:
            raise
        raise found from error


def _converse(
    pool: Connections,
    connection: UpstreamConnection,
    head: bytes,
    body: bytes | None,
    limits: CallDeadlines,
    sending: Sending,
) -> Response:
    response: PoolResponse | None = None
    try:
        connection.start(head, body)
        if connection.sending or not connection.sent_all:
            response = PoolResponse(pool, connection, limits)
            response.read_head(sending)
            return response
        sending.taken_on = True
        until = monotonic() + limits.first_byte_s
        if until > limits.whole_at:
            until = limits.whole_at
        data = connection.receive(until)
        plain = plain_response(data, pool, connection, limits)
        if plain is not None:
            return plain
        response = PoolResponse(pool, connection, limits)
        response.read_head(None, data, until)
        return response
    except BaseException as error:
        if response is not None:
            response.close()
        else:
            pool.discard(connection)
        if isinstance(error, TimeoutError) and not error.args:
            raise limits.missed(until, limits.first_byte_s, NO_RESPONSE) from None
        raise
