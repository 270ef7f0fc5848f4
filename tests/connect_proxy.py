"""An HTTP proxy on the loopback: tunnels by ``CONNECT``, and forwards requests that name a whole URL."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit

__all__ = ["ConnectProxy"]


class ConnectProxy:
    """Listens on a free port of 127.0.0.1. ``*.test`` is 127.0.0.1 to it, whatever resolvers say.

    Args:
        credentials: the only value of ``Proxy-Authorization`` that it takes; None takes any, or none.

    Attributes:
        heads: what it was asked, one head a connection or request.
    """

    def __init__(self, credentials: str | None = None) -> None:
        self._credentials = credentials
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.heads: list[str] = []
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> ConnectProxy:
        self._threads[0].start()
        return self

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                self._start(self._serve, client)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        """One connection of a client, and one to the upstream that its first request names."""
        upstream: socket.socket | None = None
        with contextlib.suppress(OSError), client.makefile("rb") as source:
            while first := source.readline():
                lines = [first, *iter(source.readline, b"\r\n")]
                head = b"".join(lines).decode()
                self.heads.append(head)
                method, target, _ = head.split("\r\n")[0].split(" ")
                if self._credentials is not None and f"Proxy-Authorization: {self._credentials}\r\n" not in head:
                    client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                    break
                url = urlsplit(f"//{target}" if method == "CONNECT" else target)
                if upstream is None:
                    name = "127.0.0.1" if (url.hostname or "").endswith(".test") else url.hostname
                    upstream = socket.create_connection((name, url.port or 80))
                    self._sockets.append(upstream)
                    if method == "CONNECT":
                        client.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
                    self._start(self._pass_on, upstream, client)
                if method == "CONNECT":
                    self._pass_on(client, upstream)
                    break
                upstream.sendall(f"{head.replace(target, url.path or '/', 1)}\r\n".encode())
                upstream.sendall(source.read(sum(int(one[15:]) for one in lines if one.startswith(b"Content-Length:"))))
        for sock in filter(None, (client, upstream)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
