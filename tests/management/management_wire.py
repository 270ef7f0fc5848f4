"""Tenants of a gateway, and what scripts send to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from router.testing import Gateway, Result

__all__ = ["BODY", "Tenant", "exact", "request", "settled"]

BODY = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20}


@dataclass(frozen=True)
class Tenant:
    """One account.

    Attributes:
        key, key_id: of its key for calls.
        management: its management key.
        call: the ID of a call that it made.
    """

    account: str
    key: str
    key_id: str
    management: str
    call: str


def settled(gateway: Gateway, name: str) -> Tenant:
    """A new account with credit, its keys, and one call."""
    account = gateway.router("accounts", "create", name)["id"]
    gateway.router("credits", "grant", account, "10", "--reason", "a test")
    made = gateway.router("keys", "create", "--account", account, "--name", f"{name}-app")
    management = gateway.router("keys", "create", "--account", account, "--name", f"{name}-ops", "--management")
    answer = request(gateway, "POST", "/v1/chat/completions", BODY, key=made["api_key"])
    assert answer.status == 200, answer.body
    return Tenant(account, made["api_key"], made["id"], management["api_key"], answer.headers["x-request-id"])


def request(
    gateway: Gateway,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str = "",
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Result:
    """What the gateway answers.

    Args:
        body: sent as it is if it is bytes, else as JSON; None sends none.
    """
    sent = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode("ascii")
    target = f"{path}?{urlencode(query, doseq=True)}" if query else path
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        connection.request(method, target, data, sent)
        response = connection.getresponse()
        return Result(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def exact(answer: Result, status: int = 200) -> Any:
    """The answer's JSON, its numbers exact."""
    assert answer.status == status, (answer.status, answer.body)
    return json.loads(answer.body, parse_float=Decimal)
