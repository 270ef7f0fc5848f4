"""What the second transport is for: proxies and authorities from the environment."""

from __future__ import annotations

import pytest
from raw_upstream import CERTIFICATE, Peer, RawUpstream, answer
from upstream_client import QUICK

from router.errors import UpstreamError
from router.http_client.requests_transport import RequestsTransport
from router.types.transport import Request


def test_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[bytes] = []

    def script(peer: Peer) -> None:
        heads.append(peer.request()[0])
        peer.send(answer(b"by proxy"))

    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with RawUpstream(script) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:word@127.0.0.1:{proxy.port}")
        transport = RequestsTransport()
        response = transport.send(Request("POST", "http://upstream.test/v1", {}, b"{}", QUICK))
        assert response.read(100) == b"by proxy"
        response.close()
        transport.close()
    assert heads[0].startswith(b"POST http://upstream.test/v1 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic" in heads[0]


def test_refusing_https_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"", status="403 Forbidden"))

    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with RawUpstream(script) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:word@127.0.0.1:{proxy.port}")
        transport = RequestsTransport()
        with pytest.raises(UpstreamError) as caught:
            transport.send(Request("POST", "https://upstream.test/v1?key=secret", {}, b"{}", QUICK))
        transport.close()
    assert caught.value.kind == "connection"
    assert "word" not in caught.value.message and "secret" not in caught.value.message


def test_authorities_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"trusted"))

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    with RawUpstream(script, tls=True) as upstream:
        transport = RequestsTransport()
        response = transport.send(Request("POST", upstream.url, {}, b"{}", QUICK))
        assert response.read(100) == b"trusted"
        response.close()
        transport.close()
