"""The pool behind the HTTP proxy that the environment names, and the authorities that it names."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from connect_proxy import ConnectProxy
from machine import HANG_S
from raw_upstream import CERTIFICATE, Peer, RawUpstream, answer
from upstream_client import QUICK, Client, make_transport

from router.http_client.pool import PoolTransport
from router.http_client.proxy import environment_proxy, environment_ssl_context

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One that names no proxy."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture
def proxied() -> Iterator[Client]:
    client = Client(make_transport(proxy_of=environment_proxy))
    yield client
    client.transport.close()


def echo(peer: Peer) -> None:
    while True:
        _, body = peer.request()
        peer.send(answer(body))


def test_tls_goes_through_a_tunnel_that_is_kept(environment: pytest.MonkeyPatch, proxied: Client) -> None:
    credentials = f"Basic {b64encode(b'user:w@rd').decode()}"
    with RawUpstream(echo, tls=True) as upstream, ConnectProxy(credentials) as proxy:
        environment.setenv("https_proxy", f"http://user:w%40rd@127.0.0.1:{proxy.port}")
        body = bytes(range(256)) * 20_000
        for size in (2, 100_000, len(body)):
            assert proxied.fetch(upstream.url, body[:size]) == body[:size]
        assert upstream.connections == 1
    lines = (f"CONNECT localhost:{upstream.port} HTTP/1.1", f"Host: localhost:{upstream.port}")
    assert proxy.heads == ["\r\n".join([*lines, f"Proxy-Authorization: {credentials}", ""])]


def test_the_name_is_the_proxys_to_look_up(environment: pytest.MonkeyPatch, proxied: Client) -> None:
    with RawUpstream(echo) as upstream, ConnectProxy() as proxy:
        environment.setenv("ALL_PROXY", f"127.0.0.1:{proxy.port}")
        for body in (b"one", b"two"):
            assert proxied.fetch(f"http://upstream.test:{upstream.port}/v1?a=b", body) == body
        assert upstream.connections == 1
    line = f"POST http://upstream.test:{upstream.port}/v1?a=b HTTP/1.1\r\n"
    assert [head.startswith(f"{line}Host: upstream.test:{upstream.port}\r\n") for head in proxy.heads] == [True, True]


def test_credentials_are_sent_with_requests_that_no_tunnel_carries(
    environment: pytest.MonkeyPatch, proxied: Client
) -> None:
    with RawUpstream(echo) as upstream, ConnectProxy("Basic dXNlcjo=") as proxy:
        environment.setenv("http_proxy", f"http://user@127.0.0.1:{proxy.port}")
        assert proxied.fetch(upstream.url) == b"{}"
        assert upstream.connections == 1


@pytest.mark.parametrize("exempt", ["localhost", "*", "127.0.0.1, localhost"])
@pytest.mark.parametrize("tls", [False, True])
def test_who_is_exempt_is_reached_directly(
    environment: pytest.MonkeyPatch, proxied: Client, exempt: str, tls: bool
) -> None:
    with RawUpstream(echo, tls=tls) as upstream, ConnectProxy() as proxy:
        environment.setenv("HTTP_PROXY", proxy.url)
        environment.setenv("HTTPS_PROXY", proxy.url)
        environment.setenv("NO_PROXY", exempt)
        assert proxied.fetch(upstream.url.replace("127.0.0.1", "localhost")) == b"{}"
        assert proxy.heads == []


def test_a_network_is_exempt(environment: pytest.MonkeyPatch, proxied: Client) -> None:
    with RawUpstream(echo) as upstream, ConnectProxy() as proxy:
        environment.setenv("http_proxy", proxy.url)
        environment.setenv("no_proxy", "127.0.0.0/8")
        assert proxied.fetch(upstream.url) == b"{}"
        assert proxy.heads == []


def test_a_transport_that_asks_for_no_proxy_has_none(environment: pytest.MonkeyPatch, client: Client) -> None:
    with RawUpstream(echo) as upstream, ConnectProxy() as proxy:
        environment.setenv("http_proxy", proxy.url)
        assert client.fetch(upstream.url) == b"{}"
        assert proxy.heads == []


def refuses(peer: Peer) -> None:
    peer.request()
    peer.send(answer(b"", status="403 Forbidden"))


def says_more(peer: Peer) -> None:
    peer.request()
    peer.send(answer(b"unasked"))


def talks_without_end(peer: Peer) -> None:
    peer.request()
    while True:
        peer.send(b"X: " + b"y" * 1000)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (refuses, "its proxy 127.0.0.1:{port} refuses a tunnel, with status 403"),
        (says_more, "its proxy does not answer CONNECT as HTTP asks for"),
        (talks_without_end, "its proxy does not answer CONNECT as HTTP asks for"),
        (Peer.request_head, "its proxy does not answer CONNECT as HTTP asks for"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(
    environment: pytest.MonkeyPatch, proxied: Client, script: Callable[[Peer], None], says: str
) -> None:
    with RawUpstream(script) as proxy:
        environment.setenv("https_proxy", f"http://user:word@127.0.0.1:{proxy.port}")
        error = proxied.failure("https://upstream.test/v1?key=secret")
        assert proxy.closed.acquire(timeout=5)
    assert error.kind == "connection"
    assert error.message == f"upstream upstream.test: {says.format(port=proxy.port)}"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("http://user:sesame@[::1", "its host is none"),
        ("http://user:sesame@proxy:port", "its port is no number from 1 to 65535"),
        ("http://proxy:99999", "its port is no number from 1 to 65535"),
        ("http://proxy:0", "its port is 0"),
        ("http://:3128", "it has no host"),
        ("http://", "it has no host"),
        ("//proxy:3128", "it has no host"),
        ("http://pro xy:1", "it has no host"),
    ],
)
def test_what_names_no_proxy_is_told_by_its_variable(
    environment: pytest.MonkeyPatch, proxied: Client, variable: str, value: str, says: str
) -> None:
    environment.setenv(variable, value)
    error = proxied.failure("https://upstream.test/v1")
    assert error.kind == "connection" and "sesame" not in error.message
    assert error.message == f"upstream upstream.test: {variable} names no proxy: {says}; give http://HOST:PORT"


def test_a_silent_proxy_is_waited_for_no_longer_than_a_connection(
    environment: pytest.MonkeyPatch, proxied: Client
) -> None:
    with RawUpstream(Peer.hold) as proxy:
        environment.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        start = time.monotonic()
        error = proxied.failure("https://upstream.test/", timeouts=replace(QUICK, connect=0.2))
        assert time.monotonic() - start < HANG_S
        assert proxy.closed.acquire(timeout=5)
    assert (error.kind, error.message) == ("timeout", "upstream upstream.test: no connection within 0.2 s")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1", "its proxy 127.0.0.1:1 (ALL_PROXY) cannot be reached: Connection refused"),
        ("socks5://127.0.0.1:1", "its proxy (ALL_PROXY) is reached by socks5://, where only http:// is known"),
        ("https://127.0.0.1:1", "its proxy (ALL_PROXY) is reached by https://, where only http:// is known"),
    ],
)
def test_a_proxy_that_cannot_be_used(environment: pytest.MonkeyPatch, proxied: Client, url: str, says: str) -> None:
    environment.setenv("ALL_PROXY", url)
    error = proxied.failure("https://upstream.test/v1")
    assert (error.kind, error.message) == ("connection", f"upstream upstream.test: {says}")


def test_authorities_of_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    client = Client(PoolTransport(ssl_context=environment_ssl_context()))
    with RawUpstream(echo, tls=True) as upstream:
        assert client.fetch(upstream.url, b"trusted") == b"trusted"
    client.transport.close()
