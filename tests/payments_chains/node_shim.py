"""A node before the chain that limits, lags, lies or is down, as those do that one rents."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests

__all__ = ["Shim", "serving"]

Lie = Callable[[str, list[Any], Any], Any]


class Shim:
    """What stands between a watcher and a chain; all of it may be changed while it serves.

    Attributes:
        asked: how often each method was called.
        down: whether it hangs up on everybody.
        refusals: HTTP statuses that the next requests get, instead of an answer.
        blocks_max, topics_max: of one question for logs.
        batch_max: questions in one request.
        behind: how many blocks it does not know of yet.
        lie: makes another result of the true one.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.session = requests.Session()
        self.asked: Counter[str] = Counter()
        self.down = False
        self.refusals: list[int] = []
        self.blocks_max = 10**9
        self.topics_max = 10**9
        self.batch_max = 10**9
        self.behind = 0
        self.lie: Lie = lambda method, params, result: result
        self.url = ""

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """Status and JSON of one request."""
        if self.refusals:
            return self.refusals.pop(0), {"Error": "too many requests"}
        payload = json.loads(body)
        if not isinstance(payload, list):
            return 200, self._one(payload)
        if len(payload) > self.batch_max:
            return 200, _error(None, -32600, "batch too large")
        return 200, self._all(payload)

    def true(self, method: str, params: list[Any]) -> Any:
        """The whole answer of the chain."""
        payload = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.session.post(self.upstream, json=payload, timeout=60).json()

    def _one(self, question: Any) -> Any:
        return self._all([question])[0]

    def _all(self, questions: list[Any]) -> list[Any]:
        """The answers to all of them, which the chain is asked in one request."""
        self.asked.update(one["method"] for one in questions)
        known = int(self.true("eth_blockNumber", [])["result"], 16) - self.behind if self.behind else None
        posted = [one | {"params": self._moved(one["method"], one["params"], known)} for one in questions]
        true = self.session.post(self.upstream, json=posted, timeout=60).json()
        return [self._told(one, answer, known) for one, answer in zip(questions, true, strict=True)]

    def _moved(self, method: str, params: list[Any], known: int | None) -> list[Any]:
        is_latest = known is not None and method == "eth_getBlockByNumber" and params[0] == "latest"
        return [hex(known or 0), *params[1:]] if is_latest else params

    def _told(self, question: Any, answer: Any, known: int | None) -> Any:
        method, params, number = question["method"], question["params"], question["id"]
        refusal = self.refusal(method, params)
        if refusal is None and "error" in answer:
            refusal = answer["error"]["code"], answer["error"]["message"]
        if refusal is not None:
            return _error(number, *refusal)
        result = answer["result"]
        if known is not None and method in ("eth_getTransactionReceipt", "eth_getBlockByNumber") and result:
            place = result.get("blockNumber") or result.get("number")
            result = None if int(place, 16) > known else result
        return {"jsonrpc": "2.0", "id": number, "result": self.lie(method, params, result)}

    def refusal(self, method: str, params: list[Any]) -> tuple[int, str] | None:
        """Code and message where it refuses the question."""
        if method == "eth_getLogs":
            asked = params[0]
            if int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) >= self.blocks_max:
                return -32602, f"exceed max block range: {self.blocks_max}"
            if any(isinstance(one, list) and len(one) > self.topics_max for one in asked["topics"]):
                return -32602, f"exceed max topics: {self.topics_max}"
        return None


def _error(number: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


@contextmanager
def serving(shim: Shim, path: str = "") -> Iterator[Any]:
    """The shim, with its URL, on a port that is free."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: the second would wait for an acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if shim.down:
                self.close_connection = True
                return
            status, value = shim.answer(self.path, self.headers, body)
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    shim.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    try:
        yield shim
    finally:
        server.shutdown()
        server.server_close()
        shim.session.close()
