"""Web pages of other origins, played by raw sockets: what a browser is told before and with every answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from errors import assert_error_shape
from gateway_wire import CHAT, USER, get, post, send

from router.testing import Answer, Gateway, Result, ScriptedUpstream, Stream, chunks, stream

pytestmark = pytest.mark.slow

PAGE, OTHER = "https://chat.example.com", "https://evil.example"
BODY = {"model": "openai/gpt-4o", "messages": USER}
KINDS: dict[str, dict[str, Any]] = {
    "list": {"cors_origins": [PAGE, "app://desktop"]},
    "everybody": {"cors_origins": ["*"]},
    "credentials": {"cors_origins": [PAGE], "cors_credentials": True},
    "off": {},
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def open_gateway(
    kind: str, tmp_path_factory: pytest.TempPathFactory, running_upstream: ScriptedUpstream
) -> Iterator[Gateway]:
    config = {
        "server": {**KINDS[kind], "header_timeout_s": 1.0, "body_timeout_s": 1.0},
        "gateway": {"max_body_bytes": 4096, "rate_limit": "windows"},
    }
    folder = tmp_path_factory.mktemp(kind)
    with Gateway(folder, upstream=running_upstream.url, config=config, billing=False) as gateway:
        yield gateway


def raw(gateway: Gateway, line: str, *fields: str, body: bytes = b"") -> Result:
    lines = [line, "Host: gateway", *fields, f"Content-Length: {len(body)}", "Connection: close"]
    return send(gateway.port, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def preflight(gateway: Gateway, path: str, origin: str = PAGE, *fields: str) -> Result:
    asked = ["Access-Control-Request-Method: POST", *fields]
    return raw(gateway, f"OPTIONS {path} HTTP/1.1", f"Origin: {origin}", *asked)


def assert_marked(kind: str, answer: Result, *shown: str) -> None:
    """What lets a page of ``PAGE`` read an answer, and these of its headers."""
    headers = answer.headers
    if kind == "off":
        assert not [name for name in headers if name.startswith("access-control")] and "vary" not in headers
        return
    assert headers["access-control-allow-origin"] == ("*" if kind == "everybody" else PAGE)
    assert headers.get("vary") == (None if kind == "everybody" else "Origin")
    assert headers.get("access-control-allow-credentials") == ("true" if kind == "credentials" else None)
    exposed = {name.strip().lower() for name in headers["access-control-expose-headers"].split(",")}
    assert exposed >= {"x-request-id", *shown}
    assert exposed <= headers.keys()
    readable = [name for name in headers if name.startswith("x-") or name == "retry-after"]
    assert exposed >= set(readable)


def test_a_preflight_needs_no_key(kind: str, open_gateway: Gateway) -> None:
    before = open_gateway.log_path.read_bytes()
    for path in (CHAT, "/v1/models", "/v1/models/openai/gpt-4o", "/v1/embeddings", "/v1/nothing"):
        asked = "Access-Control-Request-Headers: authorization,content-type,x-stainless-os"
        answer = preflight(open_gateway, path, PAGE, asked)
        if kind == "off":
            if path == CHAT:
                assert "[server] cors_origins" in assert_error_shape(answer, 405, "method_not_allowed")["message"]
            continue
        assert (answer.status, answer.body) == (204, b"")
        assert "POST" in answer.headers["access-control-allow-methods"].split(", ")
        assert answer.headers["access-control-allow-headers"] == "authorization,content-type,x-stainless-os"
        assert int(answer.headers["access-control-max-age"]) > 0
        assert "Access-Control-Request-Headers" in answer.headers["vary"]
        assert ("Origin" in answer.headers["vary"].split(", ")) == (kind != "everybody")
        assert answer.headers["access-control-allow-origin"] == ("*" if kind == "everybody" else PAGE)
        assert ("access-control-allow-credentials" in answer.headers) == (kind == "credentials")
    if kind != "off":
        assert open_gateway.log_path.read_bytes() == before
        odd = preflight(open_gateway, CHAT, PAGE, "Access-Control-Request-Headers: a b;c")
        assert "authorization" in odd.headers["access-control-allow-headers"]


def test_a_foreign_page_is_told_nothing(kind: str, open_gateway: Gateway, upstream: ScriptedUpstream) -> None:
    if kind in ("everybody", "off"):
        pytest.skip("no page is foreign, or all are")
    detail = assert_error_shape(preflight(open_gateway, CHAT, OTHER), 403, "origin_not_allowed")
    assert OTHER in detail["message"] and "cors_origins" in detail["message"]
    for answer in (
        post(open_gateway, CHAT, BODY, {"Origin": OTHER}),
        get(open_gateway, "/v1/models", {"Origin": OTHER}),
        preflight(open_gateway, CHAT, OTHER),
    ):
        assert answer.headers["vary"] == "Origin"
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert get(open_gateway, "/v1/models").headers["vary"] == "Origin"


def test_answers_and_streams_are_marked(kind: str, open_gateway: Gateway, upstream: ScriptedUpstream) -> None:
    page = {"Origin": PAGE}
    served = ("x-router-provider", "x-router-model", "x-router-attempts")
    assert_marked(kind, post(open_gateway, CHAT, BODY, page), *served)
    upstream.script(stream("Hel", "lo"))
    answer = post(open_gateway, CHAT, {**BODY, "stream": True}, page)
    assert answer.status == 200 and answer.body.endswith(b"data: [DONE]\n\n")
    assert_marked(kind, answer, *served)
    for path in ("/v1/models", "/healthz", "/openapi.json"):
        answer = get(open_gateway, path, page)
        assert answer.status == 200
        assert_marked(kind, answer)
    slowly = post(open_gateway, f"{CHAT}?x=1", BODY, page)  # which the fast reader does not read
    assert slowly.status == 200
    assert_marked(kind, slowly, *served)


def test_a_stream_that_begins_late_is_marked(kind: str, open_gateway: Gateway, upstream: ScriptedUpstream) -> None:
    voice = threading.Event()
    role, hello, finish = chunks("Hello")
    upstream.script(Stream([role, hello, voice, finish]))
    threading.Timer(0.2, voice.set).start()
    assert_marked(kind, post(open_gateway, CHAT, {**BODY, "stream": True}, {"Origin": PAGE}))


def test_errors_are_marked(kind: str, open_gateway: Gateway, upstream: ScriptedUpstream) -> None:
    page = {"Origin": PAGE}
    upstream.script(Answer.error(503))
    found = {
        401: [post(open_gateway, CHAT, BODY, page, key="sk-wrong"), get(open_gateway, "/v1/models", page, key="")],
        404: [get(open_gateway, "/v1/nothing", page), post(open_gateway, CHAT, {**BODY, "model": "openai/no"}, page)],
        405: [get(open_gateway, CHAT, page)],
        400: [post(open_gateway, CHAT, {**BODY, "temperature": "hot"}, page)],
        413: [post(open_gateway, CHAT, {**BODY, "user": "x" * 5000}, page)],
        503: [post(open_gateway, CHAT, BODY, page)],
    }
    for status, answers in found.items():
        for answer in answers:
            assert answer.status == status, answer.body
            assert_marked(kind, answer)


def test_a_limits_refusal_can_be_read_with_its_wait(
    kind: str, open_gateway: Gateway, upstream: ScriptedUpstream
) -> None:
    made = open_gateway.router("keys", "create", "--account", open_gateway.account)
    open_gateway.router("limits", "set", "--key", made["id"], "--requests-per-minute", "1")
    first, second = (post(open_gateway, CHAT, BODY, {"Origin": PAGE}, key=made["api_key"]) for _ in range(2))
    assert (first.status, second.status) == (200, 429)
    assert_marked(kind, second, "retry-after")
    for _ in range(3):
        assert preflight(open_gateway, CHAT).status == (405 if kind == "off" else 204)


REFUSED = {
    "two hosts": (f"POST {CHAT} HTTP/1.1", [f"Origin: {PAGE}", "Host: another"], 400),
    "a target too long": (f"GET /{'a' * 20_000} HTTP/1.1", [], 414),
    "too many headers": ("GET /v1/models HTTP/1.1", [f"Origin: {PAGE}", *(f"X-{n}: 1" for n in range(300))], 431),
    "an odd expectation": (f"POST {CHAT} HTTP/1.1", [f"Origin: {PAGE}", "Expect: money"], 417),
    "an odd coding": (f"POST {CHAT} HTTP/1.1", [f"Origin: {PAGE}", "Transfer-Encoding: gzip, chunked"], 501),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_before_routing_are_marked(kind: str, open_gateway: Gateway, what: str) -> None:
    line, fields, status = REFUSED[what]
    head = "\r\n".join([line, "Host: gateway", *fields, "Connection: close", "", ""])
    answer = send(open_gateway.port, head.encode())
    assert answer.status == status, answer.body
    if f"Origin: {PAGE}" in fields:
        assert_marked(kind, answer)
    else:  # it was refused before its origin was read
        assert "access-control-allow-origin" not in answer.headers


def test_one_pages_origin_is_not_given_to_the_next(kind: str, open_gateway: Gateway) -> None:
    good = f"GET /healthz HTTP/1.1\r\nHost: gateway\r\nOrigin: {PAGE}\r\n\r\n"
    answer = send(open_gateway.port, good.encode() + b"\x00nonsense\r\n\r\n", head_only=True)
    assert answer.status == 200
    slow = send(open_gateway.port, f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nOrigin: {PAGE}\r\nX-Half".encode())
    assert slow.status == 408
    assert_marked(kind, slow)


def test_nexgates_catalogue_is_for_every_page(tmp_path: Path) -> None:
    with Gateway(tmp_path, profile="nexgate", config={"providers": {"echo": {}}}) as gateway:
        for path in ("/models", "/api/models", "//models"):
            answer = get(gateway, path, {"Origin": OTHER}, key="")
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
            assert preflight(gateway, path, OTHER).status == 204
        assert preflight(gateway, "/v1/chat/completions", OTHER).status == 403
        answer = post(gateway, CHAT, BODY, {"Origin": OTHER}, key="ng-wrong")
        assert "access-control-allow-origin" not in answer.headers
