"""What ``make lowest`` runs with the lowest versions: a gateway as a process, and each library at its work.

Needs no other package than the gateway itself does.
"""

from __future__ import annotations

import http.client
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import altcha
import brotli
import peewee
import pyotp

from router.cli.support.output import table
from router.config.provider import Secret
from router.db.postgresql import PostgresqlEngine
from router.office.people.rules.addresses import parse_email
from router.office.people.rules.credit import is_disposable
from router.office.people.rules.passwords import hash_password, password_fits
from router.store.sealing import seal, unseal
from router.testing import Gateway, ScriptedUpstream

__all__ = ["main"]

_MESSAGES = [{"role": "user", "content": "Hello there"}]


def main() -> None:
    """Raises ``AssertionError`` or whatever else breaks."""
    with tempfile.TemporaryDirectory() as folder, ScriptedUpstream(api_key="sk-upstream") as upstream:
        sections = {
            name: {"kind": "openai", "base_url": upstream.url, "api_key": "sk-upstream", "transport": name}
            for name in ("native", "requests")
        }
        with Gateway(Path(folder), providers=sections) as gateway:
            for name in sections:
                _chats(gateway, f"{name}/gpt-4o")
            _commands(gateway)
            assert gateway.stop() == 0
    _postgresql()
    _sealed()
    _people()
    _tables()


def _chats(gateway: Gateway, model: str) -> None:
    """A plain call, its body compressed with Brotli, and a stream."""
    plain = _post(gateway, {"model": model, "messages": _MESSAGES}, coding="br")
    assert json.loads(plain)["choices"][0]["message"]["content"] == "Hello there", plain
    streamed = _post(gateway, {"model": model, "messages": _MESSAGES, "stream": True})
    assert b"data: [DONE]" in streamed, streamed


def _post(gateway: Gateway, body: Any, coding: str = "") -> bytes:
    data = json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {gateway.api_key}", "Content-Type": "application/json"}
    if coding:
        data, headers["Content-Encoding"] = brotli.compress(data), coding
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", data, headers)
    with connection.getresponse() as response:
        read = response.read()
    connection.close()
    assert response.status == 200, read
    return read


def _commands(gateway: Gateway) -> None:
    """The small client reads a stream, the file is edited, the ledger holds together."""
    asked = ("chat", "native/gpt-4o", "Hello there", "--url", gateway.url, "--api-key", gateway.api_key)
    assert "Hello there" in json.dumps(gateway.router(*asked, "--stream"))
    gateway.router("providers", "add", "acme", "--kind", "compatible", "--base-url", "http://127.0.0.1:9/v1")
    assert gateway.router("ledger", "verify")["ok"]


def _postgresql() -> None:
    """The driver is there, and says that nobody listens."""
    engine = PostgresqlEngine("postgresql://router:word@127.0.0.1:1/router", timeout_s=2)
    try:
        engine.connect(writer=True)
    except peewee.OperationalError:  # the connection is refused
        return
    raise AssertionError("something listens on port 1")


def _sealed() -> None:
    """A provider's key is sealed and opened again."""
    master = Secret("a master key of the check", "env:ROUTER_MASTER_KEY")
    assert unseal(seal("sk-1", master, "check"), master, "check") == "sk-1"


def _people() -> None:
    """What sign-ups and log-ins are checked with."""
    assert password_fits(hash_password("some words"), "some words") == (True, "")
    assert parse_email("Ada@Example.com").key == "ada@example.com"
    assert is_disposable("mailinator.com") and not is_disposable("example.com")
    totp = pyotp.TOTP(pyotp.random_base32())
    assert "secret=" in totp.provisioning_uri(name="ada@example.com", issuer_name="Router")
    assert len(totp.generate_otp(1)) == 6
    signing, checking = "signs", "checks"
    made = altcha.create_challenge("PBKDF2/SHA-256", 10, counter=5, hmac_secret=signing, hmac_key_secret=checking)
    solution = altcha.solve_challenge(made)
    assert solution is not None
    proof = altcha.Payload.from_base64(altcha.Payload(made, solution).to_base64())
    assert altcha.verify_solution(proof, signing, hmac_key_secret=checking).verified


def _tables() -> None:
    """A table that is too wide for its terminal is folded."""
    os.environ["COLUMNS"] = "24"
    assert "\n" in table([{"id": "large " * 20, "name": "x"}], {"id": "ID", "name": "NAME"}, empty="none")


if __name__ == "__main__":
    main()
