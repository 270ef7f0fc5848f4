"""An upstream of raw sockets, scripted by a function per connection: it can break every rule of HTTP."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

__all__ = ["Peer", "RawUpstream", "answer", "client_ssl_context"]

CERTIFICATE = Path(__file__).with_name("localhost.pem")  # for "localhost" alone; its own authority; used nowhere else


def answer(body: bytes = b"ok", *, status: str = "200 OK", head: str = "", length: int | None = None) -> bytes:
    """A plain response; ``head`` is further header lines, each ended by CRLF."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {size}\r\n\r\n".encode() + body


def client_ssl_context() -> ssl.SSLContext:
    """A context that trusts the upstream's certificate and no other."""
    return ssl.create_default_context(cafile=CERTIFICATE)


class Peer:
    """The upstream's end of one connection. ``number`` counts connections from 1."""

    def __init__(self, sock: socket.socket, number: int, stopped: threading.Event) -> None:
        self.sock = sock
        self.number = number
        self.stopped = stopped
        self.buffer = b""

    def request(self) -> tuple[bytes, bytes]:
        """Read one whole request: head and body. ``EOFError`` when the client has gone."""
        head = self.request_head()
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return head, body

    def request_head(self) -> bytes:
        """Read up to the blank line, and not on purpose any further."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    def _more(self) -> None:
        data = self.sock.recv(1 << 20)
        if not data:
            raise EOFError
        self.buffer += data

    def send(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        """Send pieces one by one, with a pause before each but the first; stops when the test is over."""
        for position, piece in enumerate(pieces):
            if position and pause_s and self.stopped.wait(pause_s):
                return
            self.sock.sendall(piece)

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def hold(self) -> None:
        """Keep the connection open until the client closes it or the test is over."""
        try:
            while self.sock.recv(65_536):
                pass
        except OSError:
            pass


class RawUpstream:
    """Listens on a free port of 127.0.0.1 and runs ``script(peer)`` in a thread for every connection.

    The connection is closed when the script returns. ``connections`` counts those accepted.
    """

    def __init__(self, script: Callable[[Peer], None], *, tls: bool = False) -> None:
        self._script = script
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}/v1/x" if tls else f"http://127.0.0.1:{self.port}/v1/x"
        self.connections = 0
        self.closed = threading.Semaphore(0)
        self._stopped = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> RawUpstream:
        self._threads[0].start()
        return self

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock, self.connections))
            self._sockets.add(sock)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        plain = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._sockets.add(sock)
            self._script(Peer(sock, number, self._stopped))
        except (OSError, EOFError, ValueError):
            pass  # the client has gone, or the test is over
        finally:
            sock.close()
            self._sockets -= {sock, plain}
            self.closed.release()

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._threads[0].join(10)
        self._listener.close()
        for thread in self._threads[1:]:
            thread.join(10)
            assert not thread.is_alive()
