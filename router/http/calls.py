"""Calls, whichever door they come through: one answer for each, errors in the dialect's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from router.calls.line import CallAnswer
from router.calls.request import Incoming
from router.http.cross_origin import CrossOrigin
from router.http.failures import Failures
from router.http.paths import PathReader
from router.http.peer import PeerReader

__all__ = ["CallRoutes", "Serve"]

Serve = Callable[[Incoming], CallAnswer]


class CallRoutes:
    """What is served at the paths of calls, by POST.

    Args:
        serves: path -> what the line makes of a request to it.
        failures: renders what it raises.
        max_body_bytes: of a request.
        peers: tells whose a request is.
        cross_origin: which web pages may read an answer; None where none may.
        read_path: path as a client spells it -> the path that is served, and the model that it names; of these alone
            where None.

    Attributes:
        paths: those of ``serves``.
        max_body_bytes, peers, cross_origin, read_path: see above.
    """

    def __init__(
        self,
        serves: Mapping[str, Serve],
        failures: Failures,
        max_body_bytes: int,
        peers: PeerReader,
        cross_origin: CrossOrigin | None = None,
        read_path: Callable[[str], tuple[str, str]] | None = None,
    ) -> None:
        self.paths = frozenset(serves)
        self.max_body_bytes = max_body_bytes
        self.peers = peers
        self.cross_origin = cross_origin
        self.read_path = read_path or PathReader(serves, serves).read
        self._serves = serves
        self._failures = failures

    def serve(self, incoming: Incoming) -> CallAnswer:
        """The answer, be it an error.

        Raises:
            OSError: the client's connection broke while its body was read, which is the server's business.
        """
        try:
            return self._serves[incoming.path](incoming)
        except OSError:
            raise
        except SystemExit as raised:  # some library or plugin of a route: no reason for the worker to end
            failed = RuntimeError("a plugin called sys.exit()")
            failed.__cause__ = raised
            return self._failed(failed, incoming)
        except Exception as raised:
            return self._failed(raised, incoming)

    def _failed(self, raised: Exception, incoming: Incoming) -> CallAnswer:
        status, headers, body = self._failures.answer(
            raised,
            incoming.request_id,
            incoming.path,
            peer=incoming.peer,
            client_request_id=incoming.client_request_id,
        )
        return CallAnswer(body, dict(headers), status)
