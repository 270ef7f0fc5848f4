"""The dialect in a running gateway: ``router init --profile NAME``, then ``router serve``, with the provider echo."""

from __future__ import annotations

import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sseclient

from router.errors import Unauthorized
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.dialect.bench import DIALECT, DialectBench
from router.testing.gateway import CommandFailed, Gateway, GatewayFailed

__all__ = ["served"]

_CONFIG: dict[str, Any] = {
    "gateway": {"billing": "none", "rate_limit": "none", "only_offers": False, "streaming": True},
    "plugins": {"disabled": []},
    "aliases": {},
    "fallback": {},
}
_ASK = {"model": "echo/echo", "messages": [{"role": "user", "content": "one two three"}]}


@DIALECT.rule(
    "D30",
    "A gateway that `router init --profile` set up serves all of its paths, with its keys and its errors.",
    remedy="Try it: router init --profile NAME --dir trial, then router serve and curl.",
)
def served(bench: DialectBench) -> None:
    with _gateway(bench.plugin.name) as gateway:
        expect(gateway.api_key.startswith(bench.dialect.key_prefix), "the first key does not begin with key_prefix")
        for path in ("/healthz", *bench.dialect.health_paths, *bench.dialect.catalogue_paths):
            _expect(_get(gateway, path, key=""), 200, f"GET {path} without a key")
        for path in bench.dialect.models_paths:
            _expect(_get(gateway, path, key=gateway.api_key), 200, f"GET {path}")
        for path in bench.dialect.chat_paths:
            _expect_chat(bench, gateway, path)


def _expect_chat(bench: DialectBench, gateway: Gateway, path: str) -> None:
    plain = _expect(_post(gateway, path, _ASK), 200, f"POST {path}")
    said = json.loads(plain)["choices"][0]["message"]["content"]
    expect(said, f"POST {path}: the answer has no text")
    raw = _expect(_post(gateway, path, {**_ASK, "stream": True}), 200, f"POST {path} for a stream")
    expect(raw.endswith(bench.dialect.end_frame()), f"POST {path}: the stream ends with {raw[-80:]!r}")
    values = [json.loads(event.data) for event in sseclient.SSEClient(iter([raw])).events() if event.data[:1] == "{"]
    text = "".join(choice["delta"].get("content") or "" for value in values for choice in value["choices"])
    expect(text == said, f"POST {path}: the plain answer {said!r} is {text!r} in the stream")
    refused = Unauthorized("any")
    status, body = _post(gateway, path, _ASK, key=f"{bench.dialect.key_prefix}wrong")
    wanted = bench.dialect.error_status(refused)
    expect(status == wanted, f"POST {path} with a wrong key: status {status}, and error_status says {wanted}")
    fields, shown = set(bench.dialect.error_body(refused)), set(json.loads(body))
    expect(fields == shown, f"POST {path} with a wrong key: the body has {sorted(shown)}, not {sorted(fields)}")


@contextmanager
def _gateway(profile: str) -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="router-conformance-") as folder:
        try:
            with Gateway(Path(folder), profile=profile, providers={"echo": {}}, config=_CONFIG) as gateway:
                yield gateway
        except (CommandFailed, GatewayFailed) as error:
            raise Failed(str(error).replace(folder, "")) from None


def _expect(answer: tuple[int, bytes], status: int, what: str) -> bytes:
    expect(answer[0] == status, f"{what} gave {answer[0]}: {answer[1][:300]!r}")
    return answer[1]


def _get(gateway: Gateway, path: str, *, key: str) -> tuple[int, bytes]:
    return _fetch(urllib.request.Request(gateway.url + path), key)


def _post(gateway: Gateway, path: str, body: Any, *, key: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(gateway.url + path, json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    return _fetch(request, key or gateway.api_key)


def _fetch(request: urllib.request.Request, key: str) -> tuple[int, bytes]:
    """Status and body; an error's too."""
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
