"""``environ["router.client"]``: a call that waits learns at once that its client has gone."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from server_wire import Client, Server, request
from waiting import until

pytestmark = pytest.mark.slow


def half_close(client: Client) -> None:
    client.sock.shutdown(socket.SHUT_WR)


def waiting(server: Server, client: Client, target: str = "/wait") -> None:
    before = server.state().get("waiting", 0)
    client.send(request("POST", target, body=b"{}"))
    until(lambda: server.state().get("waiting", 0) > before, "the call waits")


@pytest.mark.parametrize("go", [Client.close, Client.reset, half_close])
def test_gone_is_noticed_at_once(server: Server, go: Callable[[Client], None]) -> None:
    before = server.state().get("wait noticed=True gone=True", 0)
    client = server.client()
    waiting(server, client, "/wait?wait_s=100")
    go(client)
    until(lambda: server.state().get("wait noticed=True gone=True", 0) > before, "the call was told")
    client.close()


def test_a_further_request_is_not_a_disconnect(server: Server) -> None:
    with server.client() as client:
        waiting(server, client, "/wait?wait_s=0.2")
        client.send(request("GET", "/hello"))
        assert client.answer().body == b"waited"
        assert client.answer().body == b"hello"


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="this system does not tell")
def test_a_reset_behind_a_further_request_is_noticed(server: Server) -> None:
    before = server.state().get("wait noticed=True gone=True", 0)
    client = server.client()
    waiting(server, client)
    client.send(request("GET", "/hello"))
    client.reset()
    until(lambda: server.state().get("wait noticed=True gone=True", 0) > before, "the call was told", limit_s=4)


def test_watching_again_on_one_connection(server: Server) -> None:
    with server.client() as client:
        for _ in range(3):
            client.send(request("POST", "/wait?wait_s=0.01", body=b"{}"))
            assert client.answer().body == b"waited"
        assert client.get("/hello").status == 200
