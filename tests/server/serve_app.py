"""A gateway in small: serves ``application`` through our server, for tests that drive raw sockets.

``python serve_app.py LIMITS_JSON`` prints the port. As ``serve_app:create`` it is a worker's application factory, whose
configuration is a JSON file: ``{"refuse": "why"}``, ``{"crash": true}``, ``{"name": "shown by /name"}``, limits, …
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

import json
import os
import socket
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import gevent
from gevent.event import Event

from router.config.tls import TlsFiles
from router.errors import BadRequest, ConfigError
from router.http1.connection import Site
from router.http1.limits import ClientLimits
from router.http1.refusals import render_openai
from router.server.acceptor import Acceptor
from router.server.tls import server_context

seen: Counter[str] = Counter()


class Pieces:
    """An iterable body that counts how often it was closed."""

    def __init__(self, items: Any, name: str) -> None:
        self._items = iter(items)
        self._name = name

    def __iter__(self) -> Any:
        return self._items

    def close(self) -> None:
        seen[f"closed {self._name}"] += 1


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Dispatch on the first part of the path; ``seen`` counts what happened."""
    name = environ["PATH_INFO"].strip("/").partition("/")[0]
    seen[f"called {name}"] += 1
    query = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    handler = HANDLERS.get(name, handle_missing)
    return handler(environ, start_response, query)


def handle_missing(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("404 Not Found", [("Content-Length", "0")])
    return []


def handle_hello(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def handle_list(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [])
    return [b"one item"]


def handle_state(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [])
    return [json.dumps(seen).encode()]


def handle_environ(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [])
    plain = {key: value for key, value in environ.items() if isinstance(value, str | int | float | bool)}
    return [json.dumps(plain).encode()]


def handle_echo(environ: Any, start_response: Any, query: Any) -> Any:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def handle_lines(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [])
    body = environ["wsgi.input"]
    parts = [body.read(3), body.readline(), body.readline(2), *body, body.read(), body.read(5)]
    return [json.dumps([part.decode() for part in parts]).encode()]


def handle_tolerant(environ: Any, start_response: Any, query: Any) -> Any:
    try:
        environ["wsgi.input"].read()
        outcome = "read"
    except BadRequest as error:
        outcome = f"{type(error).__name__} {error.status}"
    except OSError as error:
        outcome = type(error).__name__
    seen[f"tolerant {outcome}"] += 1
    start_response("422 Unprocessable", [])
    return [outcome.encode()]


def handle_refuse(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("401 Unauthorized", [("Content-Length", "2")])
    return [b"no"]


def handle_stream(environ: Any, start_response: Any, query: Any) -> Any:
    pause_s = float(query.get("pause_s", "0"))

    def items() -> Any:
        for number in range(int(query.get("count", "3"))):
            yield b"piece %d\n" % number
            yield b""
            gevent.sleep(pause_s)

    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return Pieces(items(), "stream")


def handle_big(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [])
    return Pieces((b"x" * 200_000 for _ in range(int(query.get("count", "200")))), "big")


def handle_late(environ: Any, start_response: Any, query: Any) -> Any:
    def items() -> Any:
        yield b"first"
        raise ValueError("secret detail")

    start_response("200 OK", [])
    return Pieces(items(), "late")


def handle_early(environ: Any, start_response: Any, query: Any) -> Any:
    raise ValueError("secret detail")


def handle_short(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [("Content-Length", "10")])
    return [b"short"]


def handle_long(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [("Content-Length", "3")])
    return [b"longer"]


def handle_split(environ: Any, start_response: Any, query: Any) -> Any:
    start_response("200 OK", [("X-Evil", "a\r\nSet-Cookie: b")])
    return [b"x"]


def handle_silent(environ: Any, start_response: Any, query: Any) -> Any:
    return []


def handle_empty(environ: Any, start_response: Any, query: Any) -> Any:
    start_response(query["status"], [("Content-Length", "4")])
    return [b"body"]


def handle_written(environ: Any, start_response: Any, query: Any) -> Any:
    write = start_response("200 OK", [("Connection", "close"), ("Server", "secret")])
    write(b"by write, ")
    return [b"by return"]


def handle_wait(environ: Any, start_response: Any, query: Any) -> Any:
    """Wait for the client to go, as a call does while the upstream thinks."""
    environ["wsgi.input"].read()
    gone = Event()
    client = environ["router.client"]
    client.watch(gone.set)
    seen["waiting"] += 1
    noticed = gone.wait(float(query.get("wait_s", "10")))
    client.unwatch()
    seen[f"wait noticed={noticed} gone={client.gone}"] += 1
    start_response("200 OK", [])
    return [b"waited"]


HANDLERS = {
    name.removeprefix("handle_"): value for name, value in dict(globals()).items() if name.startswith("handle_")
}


def create(config_path: str, content: bytes | None) -> Any:
    """The worker's application, as its JSON configuration says."""
    config = json.loads(Path(config_path).read_bytes() if content is None else content)
    if "refuse" in config:
        raise ConfigError(f"{config_path}: {config['refuse']}")
    if "crash" in config:
        raise RuntimeError("the factory crashed")

    def handle_name(environ: Any, start_response: Any, query: Any) -> Any:
        start_response("200 OK", [])
        return [f"{config.get('name', '')} {os.getpid()}".encode()]

    HANDLERS["name"] = handle_name
    Path(config_path).with_name(f"built-{os.getpid()}").touch()
    server = SimpleNamespace(**{"grace_s": 10.0, "unready_s": 0.0, **config})

    def close() -> None:
        if "closed" in config:
            Path(config["closed"]).write_text("closed", encoding="utf-8")
        gevent.sleep(config.get("hang_s", 0))

    return SimpleNamespace(
        wsgi=application,
        calls=None,
        tls=TlsFiles(Path(config["cert"]), Path(config["key"]), "config.json") if "cert" in config else None,
        settings=SimpleNamespace(server=server),
        render_error=render_openai,
        busy=lambda: int("busy" in config and Path(config["busy"]).exists()),
        close=close,
        call_max_s=config.get("call_max_s", 3600.0),
        plugins=config.get("plugins", {}),
        leaving=False,
        asked_at=time.monotonic() if "asked" in config else None,
        metrics=None,
    )


def main() -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    given = json.loads(sys.argv[1])
    cert, key = given.pop("cert", ""), given.pop("key", "")
    tls = server_context(TlsFiles(Path(cert), Path(key), "here")) if cert else None
    Acceptor(listener.detach(), Site(application, ClientLimits(**given), tls=tls)).start()
    gevent.wait()


if __name__ == "__main__":
    main()
