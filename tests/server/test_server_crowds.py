"""Many connections and many requests at once: everybody has a turn, and room is made for those who come."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from server_wire import Client, Server, request, serving

pytestmark = pytest.mark.slow


def test_requests_sent_ahead_leave_a_turn_to_others(server: Server) -> None:
    count = 3000
    with server.client() as greedy, server.client() as other:
        before = other.get("/state").body
        assert b'"called list"' not in before
        greedy.send(request("GET", "/list") * count)
        seen = set()
        while (done := int(server_count(other))) < count:
            seen.add(done)
        assert len(seen - {0}) > 1, "all were answered in one go"


def server_count(client: Client) -> int:
    import json

    return int(json.loads(client.get("/state").body).get("called list", 0))


def test_the_oldest_that_waits_gives_way(tmp_path: Path) -> None:
    with serving(tmp_path / "log", max_connections=4, max_connections_per_address=4) as server:
        clients = [server.client() for _ in range(4)]
        for client in (clients[1], clients[2], clients[3]):
            assert client.get("/hello").status == 200
        clients[0].send(b"GET /hello HT")  # not even a whole head, and the oldest
        assert clients[1].get("/hello").status == 200
        with server.client() as fifth:
            assert fifth.get("/hello").status == 200
            assert clients[0].at_end()
        for client in clients[1:]:
            assert client.get("/hello").status == 200
        for client in clients:
            client.close()


def test_calls_are_not_sent_away_and_others_wait_for_a_place(tmp_path: Path) -> None:
    with serving(tmp_path / "log", max_connections=2, max_connections_per_address=2) as server:
        busy = [server.client().send(request("GET", "/stream?count=100000&pause_s=0.1")) for _ in range(2)]
        assert [client.answer(head_only=True).status for client in busy] == [200, 200]
        with server.client() as waiting:
            waiting.send(request("GET", "/hello"))
            busy[0].reset()
            assert waiting.answer().status == 200
        busy[1].close()


def test_one_address_has_its_own_bound(tmp_path: Path) -> None:
    with serving(tmp_path / "log", max_connections=8, max_connections_per_address=2) as server:
        busy = [server.client().send(request("GET", "/stream?count=100000&pause_s=0.1")) for _ in range(2)]
        assert [client.answer(head_only=True).status for client in busy] == [200, 200]
        with server.client() as third:
            refused = third.answer()
            assert refused.status == 429 and "Too many connections" in refused.error()["message"]
        elsewhere = socket.create_connection(("127.0.0.1", server.port), 30, source_address=("127.0.0.2", 0))
        with elsewhere:
            elsewhere.sendall(request("GET", "/hello"))
            assert elsewhere.recv(4096).startswith(b"HTTP/1.1 200")
        for client in busy:
            client.close()
