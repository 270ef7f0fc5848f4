"""What the tests of webhooks share: a receiver that speaks HTTP, and verifies with a library that is not ours."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

from router.db.transaction import Transaction
from router.office.actor import Actor
from router.office.office import Office
from router.office.people.notices import notify_members
from router.office.webhooks.endpoints import MadeEndpoint, create_endpoint
from router.office.webhooks.sent import list_deliveries

__all__ = ["ME", "Clock", "Heard", "Receiver", "hook", "states", "tell"]

ME = Actor("person", "pers_1")


class Clock:
    """A clock that stands still until it is told to go on; it begins now, for signatures may not be old."""

    def __init__(self) -> None:
        self.at = float(int(time.time()))

    def __call__(self) -> float:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += seconds


@dataclass(frozen=True)
class Heard:
    """One request that came: ``id`` is the event's."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def verified(self, secret: str) -> Any:
        """What the independent library makes of it. Raises where the signature does not fit."""
        return Webhook(secret).verify(self.body, dict(self.headers))


class Receiver:
    """Somebody's server.

    Attributes:
        url: where it is, this machine.
        heard: what came, in order.
        answer: path -> status of the answer; a function may take its time, or set more headers.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answer: Callable[[str], int] = lambda path: 204
        self.headers: dict[str, str] = {}
        self.body = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.heard.append(Heard(self.path, headers, body))
                self.send_response(receiver.answer(self.path))
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_: Any) -> None:
                return None

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                return None

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def ids(self, path: str = "") -> list[str]:
        """The IDs of what came, in order."""
        return [one.id for one in self.heard if not path or one.path == path]

    def nth(self, number: int) -> Heard | None:
        """What came as the first (0), the second (1) and so on; None before it has come."""
        return self.heard[number] if len(self.heard) > number else None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def tell(office: Office, account: str, subject: str, notice: str = "topup", amount: str = "2500000000") -> None:
    """Write a notice, and with it what it says to webhooks, a moment after the last."""
    office.clock.pass_s(0.001)  # type: ignore[attr-defined]
    values = {"amount_nano": amount, "balance_nano": amount}
    office.database.write(
        lambda connection: notify_members(
            Transaction(connection, office.database.place), office, account, notice, subject, "", values
        )
    )


def hook(office: Office, account: str, receiver: Receiver, path: str = "/a", **values: Any) -> MadeEndpoint:
    """An endpoint at the receiver."""
    return create_endpoint(office, ME, account, receiver.url + path, **values)


def states(office: Office, account: str) -> list[tuple[str, int]]:
    """Of each delivery, oldest first, its state and how often it was tried."""
    return [(one.status, one.tries) for one in reversed(list_deliveries(office, account_id=account))]
