"""Who may read figures: whoever has the token, and no stranger; a listener that others reach has one."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.config.file import load_settings
from router.config.metrics import check_metrics
from router.errors import ConfigError
from router.metrics.listener import MetricsListener

TOKEN = "t" * 40
Asked = tuple[int, dict[str, str], bytes]


@pytest.fixture(params=["", TOKEN], ids=["open", "token"])
def listener(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    sock = socket.create_server(("127.0.0.1", 0))
    served = MetricsListener(sock, request.param, lambda accept: ("text/plain; version=0.0.4", b"a 1\n"))
    served.start()
    yield sock.getsockname()[1], request.param
    served.close()


def ask(port: int, method: str = "GET", path: str = "/metrics", **headers: str) -> Asked:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def raw(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_only_who_shows_the_token_is_told(listener: tuple[int, str]) -> None:
    port, token = listener
    shown = {"Authorization": f"Bearer {token}"} if token else {}
    assert ask(port, **shown)[::2] == (200, b"a 1\n")
    assert ask(port, "HEAD", **shown)[::2] == (200, b"")
    assert ask(port, path="/metrics?x=1", **shown)[0] == 200
    for wrong in ("", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"bearer {TOKEN[1:]}", "Bearer \xff"):
        status, headers, body = ask(port, Authorization=wrong)
        assert status == (401 if token else 200), wrong
        assert not token or (headers["www-authenticate"].startswith("Bearer") and b"a 1" not in body)


def test_there_is_nothing_but_metrics(listener: tuple[int, str]) -> None:
    port, token = listener
    shown = {"Authorization": f"Bearer {token}"}
    assert [ask(port, path=path, **shown)[0] for path in ("/", "/metrics/", "/v1/models", "//metrics")] == [404] * 4
    assert [ask(port, method, **shown)[0] for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [405] * 4


@pytest.mark.parametrize(
    "said", [b"\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET  /metrics HTTP/1.1\r\n\r\n", b"\xff\0 x y\r\n\r\n"]
)
def test_what_is_no_request_is_refused(listener: tuple[int, str], said: bytes) -> None:
    answer = raw(listener[0], said)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"Traceback" not in answer


def test_slow_and_endless_strangers_hold_nobody_up_for_long(listener: tuple[int, str]) -> None:
    port, token = listener
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(8)]
    for connection in slow:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n")
    begun = time.monotonic()
    assert ask(port, Authorization=f"Bearer {token}")[0] == 200
    assert time.monotonic() - begun < 8
    assert [connection.recv(10) for connection in slow] == [b""] * 8
    for connection in slow:
        connection.close()
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(1000):
            connection.sendall(b"x: " + b"y" * 8000 + b"\r\n")
            time.sleep(0.001)
    assert threading.active_count() < 30


def settings(folder: Path, text: str, **environ: str) -> None:
    path = folder / "router.toml"
    path.write_text(f"[metrics]\n{text}\n")
    loaded = load_settings(path, environ)
    check_metrics(loaded.metrics, loaded.where)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", ""])
def test_this_machine_alone_needs_no_token(host: str, tmp_path: Path) -> None:
    settings(tmp_path, f'listen = "{host}:9464"')


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.0.0.7", "192.0.2.7", "gateway.example.com"])
def test_others_can_reach_it_and_so_it_needs_one(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 2: \[metrics\] listen: .*openssl rand"):
        settings(tmp_path, f'listen = "{host}:9464"')
    settings(tmp_path, f'listen = "{host}:9464"\ntoken = "env:METRICS_TOKEN"', METRICS_TOKEN=TOKEN)


def test_a_token_that_is_not_set_is_no_open_door(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[metrics\] token: the variable METRICS_TOKEN is not set"):
        settings(tmp_path, 'listen = "127.0.0.1:9464"\ntoken = "env:METRICS_TOKEN"')


@pytest.mark.parametrize("listen", ["9464", "localhost", "127.0.0.1:", "127.0.0.1:70000", "a b:1", "http://x:1"])
def test_what_is_no_address_is_refused(listen: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[metrics\].*HOST:PORT"):
        settings(tmp_path, f'listen = "{listen}"')


def test_off_asks_for_nothing(tmp_path: Path) -> None:
    settings(tmp_path, 'token = "env:METRICS_TOKEN"')


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"METRICS_TOKEN is not set, and anybody could ask: set it to a long random"):
        settings(tmp_path, 'listen = "0.0.0.0:9464"\ntoken = "env:METRICS_TOKEN"')
