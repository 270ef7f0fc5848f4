"""Bodies on their way in: bounded for a key and a worker, and refused before they are read where that can be said."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from errors import assert_error_shape
from gateway_wire import CHAT, USER, post, send
from machine import HANG_S

from router.testing import Gateway

pytestmark = pytest.mark.slow

MIB = 2**20
CONFIG = """
[gateway]
max_body_bytes = 1048576
worker_body_bytes = 1
account_body_bytes = 1
key_body_bytes = 1
""".replace(" = 1\n", " = 1024\n")  # the least: two bodies of the largest size have room in any case


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("small"), config=CONFIG) as gateway:
        yield gateway


def head(gateway: Gateway, length: int, *fields: str, key: str | None = None) -> bytes:
    lines = [f"POST {CHAT} HTTP/1.1", "Host: a", f"Authorization: Bearer {key or gateway.api_key}", *fields]
    return "\r\n".join([*lines, f"Content-Length: {length}"]).encode() + b"\r\n\r\n"


def test_bodies_that_are_on_their_way_share_a_bound(small: Gateway) -> None:
    with ExitStack() as stack:
        socks = []
        for _ in range(3):  # together more than two whole ones; which is one too many depends on who is read last
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", small.port), 30))
            sock.sendall(head(small, MIB) + b" " * (MIB * 3 // 4))
            socks.append(sock)
        ready, _, _ = select.select(socks, [], [], HANG_S)
        refused = ready[0].recv(65536)
        assert refused.startswith(b"HTTP/1.1 429 ") and b"retry-after: 1" in refused.lower()
        body = json.dumps({"model": "echo/echo", "messages": USER}).encode()
        assert post(small, CHAT, body).status == 200, "a small body is read at once"
    answer = post(small, CHAT, {"model": "echo/echo", "messages": USER, "x": "y" * (MIB // 2)})
    assert answer.status == 200, "what was given up is counted no longer"


def test_an_account_without_a_balance_is_told_before_its_body_is_read(tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        poor = gateway.router("accounts", "create", "poor")["id"]
        key = gateway.router("keys", "create", "--account", poor)["api_key"]
        answer = send(gateway.port, head(gateway, 8 * MIB, key=key))  # and nothing of the body
        assert_error_shape(answer, 402, "insufficient_quota")
        limits = ("--requests-per-minute", "1")
        made = gateway.router("keys", "create", "--account", gateway.account)
        gateway.router("limits", "set", "--key", made["id"], *limits)
        body = {"model": "echo/echo", "messages": USER}
        assert post(gateway, CHAT, body, key=made["api_key"]).status == 200
        assert post(gateway, CHAT, body, key=made["api_key"]).status == 429
        answer = send(gateway.port, head(gateway, 8 * MIB, key=made["api_key"]))
        assert_error_shape(answer, 429, "rate_limit_exceeded")
        assert int(answer.headers["retry-after"]) <= 60
