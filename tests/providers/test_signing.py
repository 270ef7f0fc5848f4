"""Requests that a plugin signs: anew for each sending, and whatever the plugin does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from router import CallContext, ProviderSettings, UpstreamError
from router.providers.signing import SigningTransport, passed_on_headers, signing
from router.types.masking import remember
from router.types.transport import Request, Resent, Response

REQUEST = Request("POST", "https://up.example/v1/chat", {"A": "b"}, b"{}")


class Answered:
    def __init__(self, status: int) -> None:
        self.status, self.headers, self.closed = status, {"x": "y"}, False

    def close(self) -> None:
        self.closed = True


class Line:
    """A transport whose pooled connections are dead so many times."""

    def __init__(self, dead: int = 0, *statuses: int) -> None:
        self.dead, self.statuses = dead, list(statuses)
        self.sent: list[Request] = []
        self.answers: list[Answered] = []

    def send(self, request: Request, *, resent: Resent | None = None) -> Response:
        self.sent.append(request)
        while self.dead:
            self.dead -= 1
            if resent is not None:
                resent(UpstreamError("connection", "It was dead."))
            self.sent.append(request)
        answer: Any = Answered(self.statuses.pop(0) if self.statuses else 200)
        self.answers.append(answer)
        return answer  # type: ignore[no-any-return]

    def close(self) -> None:
        raise AssertionError("the provider's transport lives on")


def context_of(line: Line) -> CallContext:
    return CallContext("acme", "one", ProviderSettings(), line)


def counting() -> Callable[..., Request]:
    number = iter(range(100))
    return lambda request, context: replace(request, headers={**request.headers, "N": str(next(number))})


@pytest.mark.parametrize("dead", [0, 1, 2, 3])
def test_nothing_signed_is_sent_twice(dead: int) -> None:
    line, told = Line(dead), list[UpstreamError]()
    transport = SigningTransport(context_of(line), {"sign": counting()})
    assert transport.send(REQUEST, resent=told.append).status == 200
    assert [one.headers["N"] for one in line.sent] == [str(number) for number in range(dead + 1)]
    assert len(told) == dead and REQUEST.headers == {"A": "b"}


def test_more_dead_connections_than_that_are_the_transport_s_business() -> None:
    line, told = Line(9), list[UpstreamError]()
    SigningTransport(context_of(line), {"sign": counting()}).send(REQUEST, resent=told.append)
    assert len(told) == 9, "each sending is told of"


@pytest.mark.parametrize(("renews", "sendings"), [(True, 2), (False, 1), ("yes", 1)])
def test_a_401_is_answered_once_where_the_plugin_says_so(renews: Any, sendings: int) -> None:
    line, told, heard = Line(0, 401, 401), list[UpstreamError](), list[Mapping[str, str]]()

    def unauthorized(request: Request, response: Any, context: CallContext) -> Any:
        heard.append({"n": request.headers["N"], "status": response.status, **response.headers})
        return renews

    transport = SigningTransport(context_of(line), {"sign": counting(), "unauthorized": unauthorized})
    assert transport.send(REQUEST, resent=told.append).status == 401
    assert heard == [{"n": "0", "status": 401, "x": "y"}]
    assert len(line.sent) == sendings and [one.kind for one in told] == ["auth"] * (sendings - 1)
    assert [one.closed for one in line.answers] == [True] * (sendings - 1) + [False]


def test_a_plugin_that_breaks_leaves_no_answer_open() -> None:
    line = Line(0, 401)

    def unauthorized(request: Request, response: Any, context: CallContext) -> bool:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        SigningTransport(context_of(line), {"unauthorized": unauthorized}).send(REQUEST)
    assert line.answers[0].closed


def test_what_is_no_request_is_never_sent() -> None:
    line = Line()
    with pytest.raises(TypeError, match=r"its hook sign gave dict, not a router\.upstream\.Request"):
        SigningTransport(context_of(line), {"sign": lambda request, context: {}}).send(REQUEST)
    assert not line.sent


def test_a_plugin_that_signs_nothing_costs_nothing() -> None:
    context = context_of(Line())
    assert signing(context, {"chat": print}) is context


def test_headers_that_cannot_be_passed_on_are_left_out() -> None:
    given = {
        "X-Id": "7", "x-router-charge": "0", "X-Request-ID": "r", "Set-Cookie": "a", "Content-Length": "3", "a b": "c",
        "x-line": "a\r\nb", "x-long": "v" * 2000, "X-RateLimit-Left": "9",
    }  # fmt: skip
    assert passed_on_headers(lambda headers, context: given, {}, context_of(Line())) == {"x-id": "7"}
    assert passed_on_headers(lambda headers, context: 1 / 0, {}, context_of(Line())) == {}


@pytest.mark.parametrize(
    "name",
    ["Alt-Svc", "Cache-Control", "Clear-Site-Data", "Location", "Proxy-Authenticate", "Refresh", "TE"],
)
def test_what_speaks_of_the_upstream_s_own_site_or_connection_is_not_passed_on(name: str) -> None:
    assert passed_on_headers(lambda headers, context: {name: "x"}, {}, context_of(Line())) == {}


def test_an_upstream_that_shows_what_it_was_sent_gives_no_secret_away() -> None:
    remember("a-secret-of-the-operator")
    given = {"x-echo": "got a-secret-of-the-operator", "x-bearer": "Bearer abcdef0123456789"}
    found = passed_on_headers(lambda headers, context: headers, given, context_of(Line()))
    assert found == {"x-echo": "got ***", "x-bearer": "***"}
