"""Paths, methods, queries and headers that no SDK would send: each gets the one error, and nothing is logged for it."""

from __future__ import annotations

import json

import pytest
from errors import TRACES, assert_error_shape
from gateway_wire import CHAT, EMBEDDINGS, STALL_MAX, USER, Prober, get, post, send, worst_stall
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from router.testing import Gateway, Result, ScriptedUpstream

BODY = json.dumps({"model": "echo/echo", "messages": USER}).encode("ascii")


def ask(gateway: Gateway, line: str, *fields: str, body: bytes = b"") -> Result:
    """One request of this request line and these fields, with a good key unless they bring one."""
    key = [] if any(one.startswith("Authorization") for one in fields) else [f"Authorization: Bearer {gateway.api_key}"]
    host = [] if any(one.lower().startswith("host") for one in fields) else ["Host: test"]
    lines = [line, *host, *key, *fields, f"Content-Length: {len(body)}", "Connection: close"]
    return send(
        gateway.port, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body, head_only=line.startswith("HEAD")
    )


PATHS = [
    "/v1beta", "/v2/chat/completions", "/V1/models", "/v1/healthz", "/v1/chat%2Fcompletions/x",
    "/v1/assistants", "/../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd", "/%ff%fe", "/%", "/%zz", "/%00", "/a%0d%0aX-Evil:%201", "/%F0%9F%98%80",
    "/static/x", "/console", "/favicon.ico", "/.env", "/metrics", "/admin", "/<script>alert(1)</script>", "/'\"`$(x)",
    "/" + "a" * 10_000, "/" + "a/" * 5000, "/a" + "%2f" * 3000,
    "/" + "v1/" * 5000 + "x", "/{}{0}%s", "/deployments/x", "/readyz/x", "/healthz%00",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:20])
def test_paths_where_nothing_is(gateway: Gateway, path: str) -> None:
    detail = assert_error_shape(ask(gateway, f"GET {path} HTTP/1.1"), 404, "not_found")
    assert len(detail["message"]) < 300


@pytest.mark.parametrize(
    "model", ["a" * 5000, "a/" * 4000, "%00", "%0d%0a", "%ff", "..%2f..", "../../healthz", "{0}", "%F0%9F%98%80", "<b>"]
)
def test_models_that_are_not_there(gateway: Gateway, model: str) -> None:
    answer = ask(gateway, f"GET /v1/models/{model} HTTP/1.1")
    detail = assert_error_shape(answer, 404, json.loads(answer.body)["error"]["code"])
    assert detail["code"] in ("model_not_found", "not_found")
    assert len(detail["message"]) < 500


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "HEAD"])
@pytest.mark.parametrize("path", [CHAT, EMBEDDINGS])
def test_methods_that_are_not_for_calls(gateway: Gateway, method: str, path: str) -> None:
    answer = ask(gateway, f"{method} {path} HTTP/1.1")
    assert answer.headers["allow"] == "POST"
    if method == "HEAD":
        assert (answer.status, answer.body) == (405, b"")
        return
    assert "POST" in assert_error_shape(answer, 405, "method_not_allowed")["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/echo/echo", "/healthz", "/readyz"])
def test_methods_that_are_not_for_reading(gateway: Gateway, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = ask(gateway, f"{method} {path} HTTP/1.1", body=b"x" * 100)
        assert_error_shape(answer, 405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    "query", ["?", "?a", "?" + "a=1&" * 3000, "?%ff=%fe", "?a[]=1&a[b]=2", "?api-version=1", "?;", "?%00"]
)
def test_queries_change_nothing(gateway: Gateway, query: str) -> None:
    assert ask(gateway, f"POST {CHAT}{query} HTTP/1.1", body=BODY).status == 200
    assert ask(gateway, f"GET /v1/models{query} HTTP/1.1").status == 200
    assert ask(gateway, f"GET /healthz{query} HTTP/1.1").status == 200


HARMLESS_FIELDS = [
    "Host: ",
    "Host: evil.example:99999",
    "Host: \xff\xe9",
    "Host: [::1",
    "Host: a/b?c#d@e",
    "Cookie: " + "a=b; " * 1000,
    "Cookie: session=\xff\xfe; =; ;;",
    "Content-Type: text/plain",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: multipart/form-data; boundary=",
    'Content-Type: application/json; charset="utf-7"',
    "Content-Type: \xff",
    "Accept: image/png",
    "Accept-Encoding: br;q=9, *;q=x",
    "Range: bytes=0-1",
    "If-None-Match: *",
    "If-Modified-Since: yesterday",
    "Date: never",
    "X-Forwarded-Proto: javascript",
    "X-Forwarded-Prefix: /../..",
    "X-Script-Name: /evil",
    "X-Request-Id: req_mine\xff",
    "Transfer_Encoding: chunked",
    "Upgrade: websocket",
    "TE: trailers, deflate;q=x",
    "Trailer: Authorization",
    "Via: " + "1.1 a, " * 500,
    "X-" + "A" * 5000 + ": 1",
    "X-Large: " + "a" * 40_000,
]


@pytest.mark.parametrize("field", HARMLESS_FIELDS, ids=lambda field: field[:24])
def test_fields_change_nothing(gateway: Gateway, field: str) -> None:
    answer = ask(gateway, f"POST {CHAT} HTTP/1.1", field, body=BODY)
    assert answer.status == 200, answer.body
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["x-request-id"] != "req_mine"
    assert "location" not in answer.headers and "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["a..b", "a" * 500])
def test_a_host_that_is_none(gateway: Gateway, host: str) -> None:
    answer = ask(gateway, "GET /v1/models HTTP/1.1", f"Host: {host}")
    assert "Host" in assert_error_shape(answer, 400, "invalid_request")["message"]


@pytest.mark.parametrize("target", ["/\xff\xe9", "/v1/models?\xff", "relative", "/a b"])
def test_targets_that_are_none(gateway: Gateway, target: str) -> None:
    answer = ask(gateway, f"GET {target} HTTP/1.1")
    assert_error_shape(answer, 400, "invalid_request")


def test_too_much_of_a_header(gateway: Gateway) -> None:
    for fields in (["X-A: " + "a" * 70_000], [f"X-{number}: 1" for number in range(300)]):
        assert_error_shape(ask(gateway, "GET /healthz HTTP/1.1", *fields), 431, "header_too_large")
    assert_error_shape(ask(gateway, f"GET /{'a' * 20_000} HTTP/1.1"), 414, "target_too_long")


def test_a_key_hidden_in_another_field_is_no_key(gateway: Gateway) -> None:
    key = gateway.api_key
    for fields in (
        [f"X_API_KEY: {key}"],
        [f"Proxy-Authorization: Bearer {key}"],
        [f"Cookie: Authorization=Bearer {key}"],
        ["Authorization: Bearer x", f"Authorization: Bearer {key}"],
        [f"Authorization: Bearer {key}", f"Authorization: Bearer {key}"],
    ):
        raw = ["GET /v1/models HTTP/1.1", "Host: a", *fields]
        assert_error_shape(send(gateway.port, "\r\n".join(raw).encode() + b"\r\n\r\n"), 401, "invalid_api_key")
    assert_error_shape(get(gateway, f"/v1/models?api_key={key}&key={key}", key=""), 401, "invalid_api_key")


def test_models_with_line_breaks_do_not_reach_a_header(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    for model in (
        "open/a\r\nX-Evil: 1",
        "open/a\nb",
        "open/\0",
        "open/\x1b[31m",
        "open/\u2028",
        "open/\ud800",
    ):
        answer = post(gateway, CHAT, {"model": model, "messages": USER})
        assert_error_shape(answer, 400, "invalid_value")
        assert "x-evil" not in answer.headers
    assert not upstream.requests


def test_wrong_models_again_and_again_hold_nobody_up(gateway: Gateway) -> None:
    def call() -> None:
        for number in range(40):
            answer = post(gateway, CHAT, {"model": f"openai/gpt-4o-{number}" * 10, "messages": USER})
            assert_error_shape(answer, 404, "model_not_found")

    with Prober(gateway) as prober:
        assert worst_stall(prober, call) < STALL_MAX


text = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)


@settings(max_examples=120, deadline=None)
@given(path=text, query=text, value=text)
def test_any_path_query_and_field(gateway: Gateway, path: str, query: str, value: str) -> None:
    assume(not any(trace in path for trace in TRACES))  # a path that is not served is named in its error
    answer = ask(gateway, f"GET /{path}?{query} HTTP/1.1", f"X-Any: {value}", f"Cookie: {value}")
    if answer.status != 200:
        assert answer.status in (400, 404)
        assert_error_shape(answer, answer.status, json.loads(answer.body)["error"]["code"])


def test_slashes_before_a_path_change_nothing(gateway: Gateway) -> None:
    for path in ("//v1/chat/completions", "///v1/chat/completions", "/%2Fv1/chat/completions"):
        assert ask(gateway, f"POST {path} HTTP/1.1", body=BODY).status == 200
        refused = send(gateway.port, f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
        assert_error_shape(refused, 401, "invalid_api_key")
        assert_error_shape(ask(gateway, f"GET {path} HTTP/1.1"), 405, "method_not_allowed")
    assert ask(gateway, "GET //v1/models HTTP/1.1").status == 200
    assert ask(gateway, "GET /v1//models HTTP/1.1").status == 200


def test_an_upgrade_to_websockets_is_not_heeded(gateway: Gateway) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    assert ask(gateway, "GET /v1/models HTTP/1.1", *upgrade).status == 200
