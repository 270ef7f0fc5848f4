"""The bank behind ``moneybox``: sessions, deposits and refunds in memory, and notices sent until they arrive."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

SECRET = "box-secret-box-secret"


class Bank:
    """Attributes:
    url: where it answers.
    facts: what has happened, as the plugin reads it.
    """

    def __init__(self) -> None:
        self.facts: list[dict[str, Any]] = []
        self.sessions: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, str] = {}
        self._lock = threading.Lock()
        bank = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({"facts": list(bank.facts)})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(bank.asked(self.path, body))

            def log_message(self, *_: Any) -> None: ...

            def _answer(self, value: Any) -> None:
                data = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What it answers the plugin."""
        with self._lock:
            if path == "/sessions":
                session = f"ses_{body['id']}"
                self.sessions[session] = body
                return {"session": session, "url": f"{self.url}/pay/{session}"}
            made = self.refunds.setdefault(body["asked"], f"rf_{len(self.refunds)}")
            told = {"fact": "refund", "reference": made, "payment": body["payment"], "amount": body["amount"]}
            if told not in self.facts:
                self.facts.append(told)
            return {"refund": made}

    def pays(self, session: str) -> dict[str, Any]:
        """Somebody pays: the fact of it."""
        body = self.sessions[session]
        fact = {"fact": "paid", "reference": session, "topup": body["id"], "amount": body["amount"], "currency": "USD"}
        self.facts.append(fact)
        return fact

    def has(self, fact: dict[str, Any]) -> dict[str, Any]:
        """Something else has happened."""
        self.facts.append(fact)
        return fact


def notice(*facts: dict[str, Any], id: str, kind: str = "told", secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """A signed notice: its body, and its headers."""
    body = json.dumps({"id": id, "kind": kind, "facts": list(facts)}).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"x-box-signature": signature, "Content-Type": "application/json"}


def send(port: int, body: bytes, headers: dict[str, str], path: str = "/plugins/moneybox/events") -> tuple[int, Any]:
    """Status and body of the answer; 0 where there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def deliver(port: int, body: bytes, headers: dict[str, str], dice: random.Random, tries: int = 400) -> bool:
    """Send a notice until it is taken, as a bank does; some are sent once more although they were."""
    for _ in range(tries):
        status, _body = send(port, body, headers)
        if status == 200:
            return dice.random() < 0.7 or deliver(port, body, headers, dice, tries)
        threading.Event().wait(0.05)
    return False
