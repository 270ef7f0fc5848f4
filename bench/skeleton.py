"""The floor: what one core can do when each duty of a billed call is done once, in its smallest form.

``python skeleton.py PORT UPSTREAM_PORT`` serves. For a call it reads a head, looks a key up by its digest, decodes and
checks the body, computes a bound, raises twelve counters, makes a hold durable, writes the upstream's name of the model
into the body, calls the upstream on a kept connection, decodes the usage, computes the charge, corrects the counters,
makes a usage row durable, writes a log line and builds the answer's head. It is no gateway: one key's worth of state,
one model, no failure is handled and nothing is ever refused. Rates of the gateway are given as a share of this.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import gevent
import msgspec
from gevent import socket
from gevent.server import StreamServer

_CLAIMS = 12
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_INPUT_NANO, _OUTPUT_NANO, _OWN_CAP = 2_500, 10_000, 16_384
_PUBLIC, _SERVED = b'"openai/gpt-4o"', b'"gpt-4o"'
_USAGE_COLUMNS = 17
_SCHEMA = """
PRAGMA journal_mode = wal;
PRAGMA synchronous = full;
CREATE TABLE counters (subject TEXT PRIMARY KEY, packed TEXT);
CREATE TABLE holds (batch INTEGER PRIMARY KEY, packed TEXT);
INSERT INTO counters VALUES ('key', '');
CREATE TABLE usage (id TEXT PRIMARY KEY, account, key, model, provider, status, prompt, completion, charge, cost, ms,
    at, price, attempts, streamed, target, currency);
"""
_HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: upstream\r\nAuthorization: Bearer sk-upstream\r\n"
    b"Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: floor\r\nContent-Length: %d\r\n\r\n%b"
)
_TOLD = (
    b"x-request-id: %b\r\nx-router-provider: openai\r\nx-router-attempts: 1\r\nx-ratelimit-limit-requests: 1\r\n"
    b"x-ratelimit-remaining-requests: %d\r\nx-ratelimit-limit-tokens: 1\r\nx-ratelimit-remaining-tokens: %d\r\n"
)
_STREAMED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n%b\r\n"
_PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-router-charge: %d\r\n%bContent-Length: %d\r\n\r\n%b"
_LINE = b'{"at":%f,"id":"%b","account":1,"key":1,"status":200,"ms":%d,"prompt":%d,"completion":%d,"charge":%d}\n'


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Answer(msgspec.Struct):
    model: str = ""
    usage: _Usage | None = None


_decode = msgspec.json.Decoder().decode
_decode_answer = msgspec.json.Decoder(_Answer).decode


class _Journal:
    """Holds and rows, made durable a batch at a time by one native thread; who hands one in waits for its batch."""

    def __init__(self, path: str, counters: list[int]) -> None:
        self._path, self._counters = path, counters
        self._waiting: deque[tuple[bool, Any, Any]] = deque()
        self._done: deque[Any] = deque()
        self._wake = threading.Event()
        self._hub = gevent.get_hub()
        self._signal = self._hub.loop.async_()
        self._signal.start(self._deliver)
        threading.Thread(target=self._run, daemon=True).start()

    def commit(self, value: Any, *, row: bool) -> None:
        self._waiting.append((row, value, gevent.getcurrent()))
        self._wake.set()
        self._hub.switch()

    def _deliver(self) -> None:
        while self._done:
            self._done.popleft().switch()

    def _run(self) -> None:
        database = sqlite3.connect(self._path, isolation_level=None)
        database.executescript(_SCHEMA)
        insert = f"INSERT INTO usage VALUES ({', '.join('?' * _USAGE_COLUMNS)})"
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
                holds = [value for row, value, _ in batch if not row]
                rows = [value for row, value, _ in batch if row]
                database.execute("BEGIN IMMEDIATE")
                database.execute("UPDATE counters SET packed = ? WHERE subject = 'key'", (repr(self._counters),))
                if holds:
                    database.execute("INSERT INTO holds (packed) VALUES (?)", (repr(holds),))
                if rows:
                    database.executemany(insert, rows)
                database.execute("COMMIT")
                self._done.extend(waiting for _, _, waiting in batch)
                self._signal.send()


class _Floor:
    """Serves on one event loop."""

    def __init__(self, upstream_port: int, path: str) -> None:
        self._upstream = ("127.0.0.1", upstream_port)
        self._idle: list[Any] = []
        self._counters = [0] * _CLAIMS
        self._keys: dict[bytes, bool] = {}
        self._journal = _Journal(path, self._counters)
        self._log = os.open(os.devnull, os.O_WRONLY)
        self._numbers = itertools.count()

    def serve(self, connection: Any, address: Any) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while (request := _head_and_rest(connection)) is not None:
                self._call(connection, *request)
        except OSError:
            pass

    def _call(self, client: Any, headers: dict[bytes, bytes], rest: bytes) -> None:
        began = time.monotonic()
        raw = _whole(client, headers, rest)
        request_id = b"req_%016x" % next(self._numbers)
        body = _decode(raw)
        self._keys.setdefault(hashlib.sha256(headers[b"authorization"][7:]).digest(), True)
        hold = _bound(body)
        counters = self._counters
        for place in range(_CLAIMS):
            counters[place] += hold
        self._journal.commit((request_id, hold), row=False)
        once = raw.count(_PUBLIC) == 1
        asked = raw.replace(_PUBLIC, _SERVED) if once else msgspec.json.encode({**body, "model": "gpt-4o"})
        upstream, told, answer = self._ask(asked)
        own = _TOLD % (request_id, counters[0], counters[1])
        streamed = body.get("stream", False)
        if streamed:
            client.sendall(_STREAMED % own)
            usage = _relay(client, upstream, answer)
        else:
            answer = _whole(upstream, told, answer)
            reply = _decode_answer(answer)
            usage = reply.usage or _Usage()
            answer = answer.replace(b'"%b"' % reply.model.encode(), _PUBLIC, 1)
        self._idle.append(upstream)
        charge = usage.prompt_tokens * _INPUT_NANO + usage.completion_tokens * _OUTPUT_NANO
        for place in range(_CLAIMS):
            counters[place] += charge - hold
        ms, now = int((time.monotonic() - began) * 1000), time.time()
        counts = usage.prompt_tokens, usage.completion_tokens, charge
        row = (request_id.decode(), 1, 1, "openai/gpt-4o", "openai", 200, *counts, charge, ms, now, "v1", 1, streamed)
        self._journal.commit((*row, "gpt-4o", "USD"), row=True)
        os.write(self._log, _LINE % (now, request_id, ms, *counts))
        client.sendall(b"0\r\n\r\n" if streamed else _PLAIN % (charge, own, len(answer), answer))

    def _ask(self, body: bytes) -> tuple[Any, dict[bytes, bytes], bytes]:
        if self._idle:
            upstream = self._idle.pop()
        else:
            upstream = socket.create_connection(self._upstream)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upstream.sendall(_HEAD % (len(body), body))
        found = _head_and_rest(upstream)
        if found is None:
            raise OSError("the upstream has closed")
        return upstream, *found


def _bound(body: Any) -> int:
    size = 0
    for message in body["messages"]:
        if message["role"] not in _ROLES or type(message["content"]) is not str:
            raise ValueError("not a message")
        size += len(message["content"]) + 8
    if not 0 <= body.get("temperature", 1) <= 2:
        raise ValueError("not a temperature")
    return int(size * _INPUT_NANO + body.get("max_tokens", _OWN_CAP) * _OUTPUT_NANO)


def _head_and_rest(connection: Any) -> tuple[dict[bytes, bytes], bytes] | None:
    data = connection.recv(65536)
    while data and (end := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(65536)
    if not data:
        return None
    headers = {}
    for line in data[:end].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return headers, data[end + 4 :]


def _whole(connection: Any, headers: dict[bytes, bytes], body: bytes) -> bytes:
    size = int(headers.get(b"content-length", 0))
    while len(body) < size:
        body += connection.recv(65536)
    return body


def _relay(client: Any, upstream: Any, data: bytes) -> _Usage:
    """Pass the events of a chunked answer on, all of a packet at once; the usage."""
    model, last, ended = b"", b"", False
    while not ended:
        events, at = [], 0
        while (end := data.find(b"\r\n", at)) > 0:
            size = int(data[at:end], 16)
            if len(data) < end + 4 + size:
                break
            ended = not size
            if ended:
                break
            events.append(data[end + 2 : end + 2 + size])
            at = end + 4 + size
        data = data[at:]
        if events:
            piece = b"".join(events)
            if not model:
                model = b'"%b"' % _decode_answer(piece[6 : piece.index(b"\n")]).model.encode()
            last = next((one for one in reversed(events) if b'"usage":{' in one), last)
            piece = piece.replace(model, _PUBLIC)
            client.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        if not ended:
            data += upstream.recv(65536)
    return (_decode_answer(last[6:]).usage if last else None) or _Usage()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        floor = _Floor(int(sys.argv[2]), str(Path(folder) / "floor.db"))
        StreamServer(("127.0.0.1", int(sys.argv[1])), floor.serve).serve_forever()
