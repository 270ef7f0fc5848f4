"""Many streams at once through one worker: everybody gets all of their own, in order, and nothing of anybody else's."""

from __future__ import annotations

import json
import selectors
import socket
import threading
from uuid import uuid4

from line_wire import Line

from router.testing import ReceivedRequest, Stream, chunks

STREAMS = 500
PIECES = 8


def read_all(sockets: list[socket.socket], timeout_s: float = 60.0) -> list[bytes]:
    """What each socket receives up to the end of its chunked body."""
    received = [bytearray() for _ in sockets]
    with selectors.DefaultSelector() as selector:
        for number, sock in enumerate(sockets):
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ, number)
        while selector.get_map():
            ready = selector.select(timeout_s)
            assert ready, f"{len(selector.get_map())} streams have no end"
            for key, _ in ready:
                data = sockets[key.data].recv(65536)
                received[key.data] += data
                if not data or received[key.data].endswith(b"\r\n0\r\n\r\n"):
                    selector.unregister(key.fileobj)
    return [bytes(one) for one in received]


def contents(response: bytes) -> list[str]:
    """The content of each chunk of a raw response."""
    assert response.startswith(b"HTTP/1.1 200 "), response[:300]
    payloads = [line[6:] for line in response.splitlines() if line.startswith(b"data: ")]
    assert payloads.pop() == b"[DONE]"
    return [json.loads(one)["choices"][0]["delta"].get("content", "") for one in payloads]


def test_500_streams_at_once(line: Line) -> None:
    everybody = threading.Event()
    arrived = threading.Semaphore(0)

    def answer(request: ReceivedRequest) -> Stream:
        nonce = request.json()["messages"][0]["content"]
        role, *rest = chunks(*[f"{nonce}.{number} " for number in range(PIECES)], include_usage=True)
        arrived.release()
        pieces = [part for chunk in rest for part in (chunk, 0.01)]
        return Stream([role, rest[0], everybody, *pieces[2:]])

    line.upstream.on("/v1/chat/completions", answer)
    model = line.model()
    nonces = [uuid4().hex for _ in range(STREAMS)]
    sockets = []
    try:
        for nonce in nonces:
            sockets.append(line.connect(line.body(model) | {"messages": [{"role": "user", "content": nonce}]}))
        assert all(arrived.acquire(timeout=30) for _ in range(STREAMS))
        everybody.set()
        responses = read_all(sockets)
    finally:
        everybody.set()
        for sock in sockets:
            sock.close()
    for nonce, response in zip(nonces, responses, strict=True):
        assert contents(response) == ["", *[f"{nonce}.{number} " for number in range(PIECES)], ""]
    rows = line.wait_for_rows(STREAMS, model=model)
    assert {(row["ending"], row["prompt_tokens"], row["completion_tokens"]) for row in rows} == {("ok", 9, 12)}
    assert len({row["request_id"] for row in rows}) == STREAMS
