"""What tests of the cache share: a gateway with it before a scripted upstream, and one request."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, chunks, completion

__all__ = ["Heard", "Room", "ask", "events"]

PRICE = {"input": "1000000", "output": "2000000"}  # one for a token of the prompt, two for one of the answer


class Heard(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def hit(self) -> bool:
        return self.headers.get("x-router-cache") == "hit"


def ask(gateway: Gateway, path: str, body: Any, *, secret: str = "", **headers: str) -> Heard:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    shown = {"Content-Type": "application/json", "Authorization": f"Bearer {secret or gateway.api_key}", **named}
    request = urllib.request.Request(f"{gateway.url}{path}", json.dumps(body).encode(), shown)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Heard(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Heard(error.code, dict(error.headers), error.read())


def events(body: bytes) -> list[Any]:
    """The JSON of a stream's events."""
    lines = (line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(b"data: "))
    return [json.loads(line) for line in lines if line != b"[DONE]"]


class Room:
    """A gateway that keeps answers."""

    def __init__(self, folder: Path, upstream: ScriptedUpstream, price_share: str = "0", **settings: Any) -> None:
        self.upstream = upstream
        upstream.on("/v1/chat/completions", self._answer)
        upstream.on("/v1/embeddings", Answer(_EMBEDDED))
        config = {
            "cache": {"plugins": "cache", "price_share": price_share},
            "plugins": {"cache": settings, "strict": True},
            "prices": {"acme/x": PRICE, "acme/y": PRICE},
        }
        section = {"kind": "compatible", "base_url": upstream.url, "api_key": "k", "models": ["x", "y"]}
        self.gateway = Gateway(folder, providers={"acme": section}, config=config)
        self.gateway.router("credits", "grant", self.gateway.account, "100000000", "--reason", "test")

    @property
    def asked(self) -> int:
        return len(self.upstream.requests)

    def chat(self, text: str, **fields: Any) -> Heard:
        headers = {name: fields.pop(name) for name in ("Cache_Control",) if name in fields}
        secret = fields.pop("secret", "")
        body = {"model": "acme/x", "messages": [{"role": "user", "content": text}], "temperature": 0, **fields}
        body = {name: value for name, value in body.items() if value is not None}
        return ask(self.gateway, "/v1/chat/completions", body, secret=secret, **headers)

    def until_hit(self, again: Any) -> Heard:
        """What ``again`` gives once an answer is kept, which happens after it has gone out."""
        deadline = time.monotonic() + 30
        while not (heard := again()).hit:
            assert time.monotonic() < deadline, f"nothing was kept: {heard}"
            time.sleep(0.05)
        assert isinstance(heard, Heard)
        return heard

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The newest usage rows."""
        found = self.gateway.router("usage", "show", "--limit", str(count))
        assert isinstance(found, list)
        return found

    def _answer(self, request: Any) -> Any:
        body = request.json()
        text = body["messages"][-1]["content"]
        words = text if isinstance(text, str) else text[0]["text"]
        finish = "length" if "cut it" in words else "stop"
        if "fail" in words:
            return Answer.error(500)
        if "oddly" in words:
            choice = {"index": 0, "message": words, "delta": words, "finish_reason": "stop"}
            odd = {**completion("", finish_reason="stop"), "choices": [choice]}
            return Stream([odd]) if body.get("stream") else Answer(odd)
        if not body.get("stream"):
            return Answer(completion(f"You said {words}.", finish_reason=finish))
        told = chunks("You said ", f"{words}.", finish_reason=finish, include_usage=True)
        return Stream(told, cut_after=2 if "break off" in words else None)


_EMBEDDED = {
    "object": "list",
    "model": "x",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, 0.5]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
