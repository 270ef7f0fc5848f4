"""``ScriptedUpstream``: a provider on loopback whose every byte is under the test's control."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from router.testing.upstream.connection import Disconnected, ReceivedRequest, ScriptedConnection
from router.testing.upstream.provider import ScriptedProvider
from router.testing.upstream.scripts import Answer, Raw, Script

__all__ = ["Handler", "ScriptedUpstream"]

Handler = Callable[[ReceivedRequest], Script | Raw]
"""Answers a request; runs in the thread of the connection."""

_STACK_BYTES = 256 * 1024
_stack_lock = threading.Lock()


class ScriptedUpstream:
    """An HTTP/1.1 server on loopback, one thread per connection, in plain processes and in gevent-patched ones.

    Each request takes the first script in the queue that fits its path, else the handler of its path, else it gets
    the answer of a well-behaved provider (see ``router.testing.upstream.provider``)::

        with ScriptedUpstream() as upstream:
            upstream.script(Answer.error(429, headers={"Retry-After": "7"}), stream("Hello", " there", cut_after=2))

    Args:
        port: 0 takes a free one.
        models: what ``GET /v1/models`` names.
        api_key: when given, other keys get a 401.
        gap_s: seconds between two events of an unscripted stream.
        endpoints: path -> answer of what is no call (where a token is fetched): always given, never recorded.
        any_credentials: leave it to others to look at the credentials of unscripted calls.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        models: Sequence[str] = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small"),
        api_key: str | None = None,
        gap_s: float = 0.0,
        endpoints: Mapping[str, Script | Handler] | None = None,
        any_credentials: bool = False,
    ) -> None:
        self._endpoints = dict(endpoints or {})
        self._listener = socket.create_server(("127.0.0.1", port), backlog=4096)
        self.port: int = self._listener.getsockname()[1]
        self._provider = ScriptedProvider(models, api_key, gap_s, any_credentials=any_credentials)
        self._lock = threading.Lock()
        self._queue: list[tuple[str | None, Script | Raw | Handler]] = []
        self._handlers: dict[str, Script | Raw | Handler] = {}
        self._requests: list[ReceivedRequest] = []
        self._connections: dict[int, ScriptedConnection] = {}
        self._connections_total = 0
        self._failures: list[Exception] = []
        self._closed = False
        self._thread = threading.Thread(target=self._accept, name="scripted-upstream", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL for clients, ``/v1`` included."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Every request received so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    @property
    def last(self) -> ReceivedRequest:
        """The newest request; an ``IndexError`` if there was none."""
        return self.requests[-1]

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._connections)

    @property
    def connections_total(self) -> int:
        """How many connections were ever accepted."""
        with self._lock:
            return self._connections_total

    @property
    def scripts_left(self) -> int:
        """How many queued scripts nobody has asked for yet."""
        with self._lock:
            return len(self._queue)

    def script(self, *scripts: Script | Raw | Handler, path: str | None = None) -> None:
        """Queue answers, each for one request, in order; with ``path`` (``/v1/embeddings``) only for requests to it."""
        with self._lock:
            self._queue.extend((path, script) for script in scripts)

    def on(self, path: str, script: Script | Raw | Handler) -> None:
        """Answer every request to ``path`` in this way, unless a queued script fits."""
        with self._lock:
            self._handlers[path] = script

    def unscripted(self, request: ReceivedRequest) -> Script | Raw:
        """The answer that a request gets where nothing is queued; itself an entry of the queue, to skip a turn."""
        script = self._unscripted(request.path)
        return script(request) if callable(script) else script

    def wait_for(self, predicate: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Return as soon as ``predicate()`` is true. Other greenlets run meanwhile if gevent is loaded.

        Raises:
            TimeoutError: it was not true in time; says what the upstream has seen.
        """
        gevent = sys.modules.get("gevent")
        sleep: Callable[[float], object] = gevent.sleep if gevent is not None else time.sleep
        deadline = time.monotonic() + timeout_s
        while not predicate():
            if time.monotonic() > deadline:
                seen = [f"{request.method} {request.path} {request.ending or 'under way'}" for request in self.requests]
                raise TimeoutError(f"not true after {timeout_s} s; {self.open_connections} connections open; {seen}")
            sleep(0.002)

    def wait_for_requests(self, count: int, timeout_s: float = 20.0) -> list[ReceivedRequest]:
        """Return the requests as soon as there are ``count`` of them; ``TimeoutError`` otherwise."""
        self.wait_for(lambda: len(self.requests) >= count, timeout_s)
        return self.requests

    def reset(self) -> None:
        """Forget the queued scripts, the handlers and the recorded requests, for an upstream that tests share."""
        with self._lock:
            self._queue.clear()
            self._handlers.clear()
            self._requests.clear()

    def drop_connections(self, *, reset: bool = False) -> None:
        """Close every open connection, idle ones too, from this side; wait until they are gone."""
        with self._lock:
            dropped = list(self._connections.values())
        for connection in dropped:
            connection.shutdown(reset=reset)
        numbers = {connection.number for connection in dropped}
        self.wait_for(lambda: not numbers & self._connections.keys())

    def close(self) -> None:
        """Stop listening and drop every connection; from now on connections are refused. Harmless when called again.

        Raises:
            Exception: the first that a handler raised, if one did.
        """
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            self._listener.close()
            self.drop_connections()
        if self._failures:
            raise self._failures.pop(0)

    def __enter__(self) -> ScriptedUpstream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        with contextlib.suppress(Exception):  # the test's own failure is the one to show
            self.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections_total += 1
                connection = ScriptedConnection(sock, self._connections_total)
                self._connections[connection.number] = connection
            _start_thread(self._serve, connection)

    def _serve(self, connection: ScriptedConnection) -> None:
        try:
            while not self._closed:
                request = connection.read_request()
                if request is None or not self._respond(connection, request):
                    return
        except (Disconnected, OSError):
            return
        finally:
            connection.close()
            with self._lock:
                del self._connections[connection.number]

    def _respond(self, connection: ScriptedConnection, request: ReceivedRequest) -> bool:
        with self._lock:
            script: Script | Raw | Handler | None = self._endpoints.get(request.path)
            if script is None:
                self._requests.append(request)
                script = self._next_script(request.path)
        try:
            if callable(script):
                script = self._call(script, request)
            return connection.play(script, request)
        finally:
            request.ending = request.ending or "disconnect"

    def _next_script(self, path: str) -> Script | Raw | Handler:
        for number, (wanted, script) in enumerate(self._queue):
            if wanted in (None, path):
                del self._queue[number]
                return script
        return self._unscripted(path)

    def _unscripted(self, path: str) -> Script | Raw | Handler:
        return self._handlers.get(path, self._provider.answer)

    def _call(self, handler: Handler, request: ReceivedRequest) -> Script | Raw:
        try:
            return handler(request)
        except Exception as fault:
            self._failures.append(fault)
            return Answer.error(500, f"The test's handler raised {fault!r}")


def _start_thread(target: Callable[[ScriptedConnection], None], connection: ScriptedConnection) -> None:
    """Start a thread with a small stack: hundreds of them must fit. The size is the whole process's, so put it back."""
    with _stack_lock:
        usual = threading.stack_size(_STACK_BYTES)
        try:
            threading.Thread(target=target, args=(connection,), name="scripted-connection", daemon=True).start()
        finally:
            threading.stack_size(usual)
