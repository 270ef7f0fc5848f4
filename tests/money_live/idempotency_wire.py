"""Calls with an ``Idempotency-Key`` through a house."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any

from money_wire import MODEL, Answered, House, TestKey

from router.testing import Gateway

__all__ = ["CHAT", "EMBEDDINGS", "ask", "charges", "cut_off", "reached", "send", "shown"]

CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
_WAIT_S = 30.0


def send(
    house: House,
    key: TestKey,
    value: str | None,
    *,
    gateway: Gateway | None = None,
    path: str = CHAT,
    data: bytes | None = None,
    **body: Any,
) -> http.client.HTTPConnection:
    """One call, sent and not waited for; ``data`` are the body's bytes in place of its fields."""
    connection = http.client.HTTPConnection("127.0.0.1", (gateway or house.gateways[0]).port, timeout=_WAIT_S)
    asked = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 10} if path == CHAT else {"input": "Hi"}
    headers = {"Authorization": f"Bearer {key.text}", "Content-Type": "application/json"}
    if value is not None:
        headers["Idempotency-Key"] = value
    connection.request("POST", path, data or json.dumps({"model": MODEL, **asked, **body}).encode(), headers)
    return connection


def ask(house: House, key: TestKey, value: str | None, **options: Any) -> Answered:
    """One call from its beginning to its end; options as for ``send``."""
    return whole(send(house, key, value, **options))


def whole(connection: http.client.HTTPConnection) -> Answered:
    """The answer to a call that was sent."""
    with contextlib.closing(connection), connection.getresponse() as response:
        headers = {name.lower(): text for name, text in response.getheaders()}
        return Answered(response.status, headers, response.read())


def cut_off(connection: http.client.HTTPConnection) -> None:
    """The client leaves."""
    assert isinstance(connection.sock, socket.socket)
    connection.sock.close()
    connection.close()


def shown(answered: Answered) -> tuple[int, bytes, dict[str, str]]:
    """What is the same for the first and for every repeat."""
    headers = {
        name: text
        for name, text in answered.headers.items()
        if name.startswith("x-router-") or name in ("content-type", "cache-control")
    }
    return answered.status, answered.body, headers


def charges(house: House, key: TestKey) -> list[int]:
    """Every charge of a key's account, in nano-units."""
    sql = "SELECT amount_nano FROM transfers WHERE debit = ? AND kind = 'usage' ORDER BY seq"
    return [row["amount_nano"] for row in house.rows(sql, key.account)]


def reached(house: House, marker: str) -> int:
    """How many calls the upstream has seen with this text in them."""
    return sum(marker.encode() in request.body for request in house.upstream.requests)
