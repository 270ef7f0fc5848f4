"""Everything that a call can be refused for: real causes, each as a request that meets it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from profile_shop import Response, Shop

from router.store.keys import disable_key, revoke_key
from router.testing import Answer, Script

__all__ = ["CAUSES", "Call", "send"]

CHAT = "/v1/chat/completions"
_OUTSIDE = "another/model"


@dataclass(frozen=True)
class Call:
    """A request that will be refused.

    Attributes:
        key: its text; empty sends none.
        body: fields of a chat, beside those that all have; None in place of one leaves it out.
        raw: sent in place of the body.
        headers: further ones.
    """

    key: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = CHAT

    def fields(self, shop: Shop) -> dict[str, Any]:
        """The whole body of the chat."""
        common = {"model": shop.profile.model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 64}
        return {name: value for name, value in {**common, **self.body}.items() if value is not None}


def send(shop: Shop, call: Call, *, streamed: bool = False) -> Response:
    """Make the call over a socket of its own."""
    body = {**call.fields(shop), **({"stream": True} if streamed else {})}
    data = json.dumps(body).encode("ascii") if call.raw is None else call.raw
    headers = dict(call.headers)
    if call.key:
        headers["Authorization"] = f"Bearer {call.key}"
    return shop.request(call.method, call.path, None if call.method == "GET" else data, None, headers=headers)


def _changed(shop: Shop, change: Callable[..., Any]) -> Call:
    key = shop.key()
    change(shop.database, key.id)
    return Call(key.text)


def _expired(shop: Shop) -> Call:
    key = shop.key(expires_at=time.time() + 60)
    sql = "UPDATE api_keys SET expires_at = ? WHERE id = ?"
    shop.database.write(lambda connection: connection.execute(sql, (time.time() - 1, key.id)))
    return Call(key.text)


def _limited(shop: Shop) -> Call:
    key = shop.key(limits={"requests_per_minute": 1})
    assert shop.chat(key).status == 200
    return Call(key.text)


def _reused(shop: Shop) -> Call:
    key = shop.key(idempotent=True)
    headers = {"Idempotency-Key": "order-1"}
    assert shop.chat(key, headers=headers).status == 200
    return Call(key.text, {"user": "another"}, headers=headers)


def _served_by(shop: Shop, script: Script) -> Call:
    return Call(shop.key().text, {"model": shop.shaky(script)})


def _plain(body: Mapping[str, Any]) -> Callable[[Shop], Call]:
    return lambda shop: Call(shop.key().text, body)


CAUSES: Mapping[str, Callable[[Shop], Call]] = {
    "no key": lambda shop: Call(),
    "a malformed header": lambda shop: Call(headers={"Authorization": "Basic abcdef"}),
    "a malformed key": lambda shop: Call("not-a-key"),
    "an unknown key": lambda shop: Call(shop.profile.key_start.ljust(shop.profile.key_length, "x")),
    "a revoked key": lambda shop: _changed(shop, revoke_key),
    "a disabled key": lambda shop: _changed(shop, disable_key),
    "an expired key": _expired,
    "an empty balance": lambda shop: Call(shop.key("0").text),
    "an exhausted budget": lambda shop: Call(shop.key(budget="0.000000001").text),
    "a model outside the scope": lambda shop: Call(shop.key(scope=[_OUTSIDE]).text),
    "an unknown model": _plain({"model": "no-such-model"}),
    "a model without a price": _plain({"model": "unpriced/m"}),
    "a body that is no JSON": lambda shop: Call(shop.key().text, raw=b'{"model": '),
    "no messages": _plain({"messages": None}),
    "a value out of range": _plain({"temperature": 2.5}),
    "a rate limit": _limited,
    "a reused Idempotency-Key": _reused,
    "a body that is too large": lambda shop: Call(shop.key().text, {"user": "x" * 300_000}),
    "another method": lambda shop: Call(shop.key().text, method="GET"),
    "another path": lambda shop: Call(shop.key().text, path="/v1/nothing"),
    "an upstream that refuses the request": lambda shop: _served_by(shop, Answer.error(400, "That is too much.")),
    "an upstream that fails": lambda shop: _served_by(shop, Answer.error(500)),
    "an upstream at its limit": lambda shop: _served_by(shop, Answer.error(429, headers={"Retry-After": "7"})),
    "an upstream that refuses our key": lambda shop: _served_by(shop, Answer.error(401, "Incorrect key sk-up.")),
    "all providers down": lambda shop: Call(shop.key().text, {"model": shop.down()}),
}
"""Cause -> a call that meets it."""
