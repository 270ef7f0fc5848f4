"""Any upstream on OpenAI's wire: what is sent, what comes back, what its failures mean."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from driver import Driver, usage_in, values_of
from router_plugins.compatible import plugin

from router import UpstreamError, Usage
from router.errors import KINDS
from router.testing import Answer, ScriptedUpstream, Stream, chunks, completion, stream, token_usage

Open = Callable[..., Driver]
KEY = "key-of-this-upstream"
BODY: dict[str, Any] = {
    "model": "acme/large",
    "messages": [{"role": "user", "content": "Hi \ud800"}],
    "max_tokens": 5,
    "unheard_of": {"nested": [1, None, "x"]},
}


@pytest.fixture
def acme(upstream: ScriptedUpstream, provider: Open) -> Driver:
    return provider(plugin, {"base_url": upstream.url, "api_key": "env:ACME_KEY"}, {"ACME_KEY": KEY})


def failure(driver: Driver, body: dict[str, Any] = BODY) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        for value in values_of(reply := driver.chat(body)):
            if "error" in value:
                raise reply.read_error(value)
    assert KEY not in str(caught.value)
    return caught.value


def test_everything_passes_but_the_models_name(acme: Driver, upstream: ScriptedUpstream) -> None:
    answer = {**completion("Hello"), "unheard_of_too": {"a": 1}}
    upstream.script(Answer(answer))
    assert values_of(acme.chat(BODY)) == [answer]
    assert upstream.last.json() == {**BODY, "model": "large"}
    assert upstream.last.path == "/v1/chat/completions"
    assert BODY["model"] == "acme/large"


def test_the_key_goes_as_a_bearer_token_and_the_operators_headers_with_it(
    upstream: ScriptedUpstream, provider: Open
) -> None:
    section = {"base_url": upstream.url + "/", "api_key": KEY, "headers": {"X-Team": "blue"}}
    values_of(provider(plugin, section).chat(BODY))
    assert upstream.last.headers["authorization"] == f"Bearer {KEY}"
    assert upstream.last.headers["x-team"] == "blue"
    assert upstream.last.path == "/v1/chat/completions"


def test_without_a_key_no_authorization_is_sent(upstream: ScriptedUpstream, provider: Open) -> None:
    upstream.script(Answer(completion("x")))
    values_of(provider(plugin, {"base_url": upstream.url}).chat(BODY))
    assert "authorization" not in upstream.last.headers


def test_what_must_still_be_set(upstream: ScriptedUpstream) -> None:
    assert Driver(plugin).settings.missing() == "set base_url in its section"
    unset = Driver(plugin, {"base_url": upstream.url, "api_key": "env:ACME_KEY"})
    assert unset.settings.missing() == "set the environment variable ACME_KEY"
    assert Driver(plugin, {"base_url": upstream.url}).settings.missing() is None


def test_a_stream_asks_for_its_usage_and_keeps_other_options(acme: Driver, upstream: ScriptedUpstream) -> None:
    upstream.script(stream("Hel", "lo", include_usage=True))
    reply = acme.chat({**BODY, "stream": True, "stream_options": {"include_obfuscation": False}})
    values = values_of(reply)
    assert upstream.last.json()["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "".join(c["delta"].get("content") or "" for v in values for c in v["choices"]) == "Hello"
    assert reply.ended


@pytest.mark.parametrize("streamed", [False, True])
def test_usage_is_read_with_its_details(acme: Driver, upstream: ScriptedUpstream, streamed: bool) -> None:
    counted = token_usage(40, 7, cached_tokens=30, reasoning_tokens=5)
    upstream.on("/v1/chat/completions", Answer(completion("x", usage=counted)))
    if streamed:
        events = chunks("x", include_usage=True, usage=counted)
        upstream.script(Stream(events))
    usage = usage_in(acme.chat({**BODY, "stream": streamed}))
    assert usage == Usage(40, 7, cached_tokens=30, reasoning_tokens=5)


@pytest.mark.parametrize("counts", [{"prompt_tokens": -4}, {"prompt_tokens": "12"}, {"prompt_tokens": 3.5}, {}])
def test_counts_that_are_no_counts_are_zero_and_doubtful(
    acme: Driver, upstream: ScriptedUpstream, counts: dict[str, Any]
) -> None:
    upstream.script(Answer({**completion("x"), "usage": {**counts, "completion_tokens": 3}}))
    assert usage_in(acme.chat(BODY)) == Usage(0, 3, doubtful=("prompt_tokens",))


@pytest.mark.parametrize("count", [1e18, 10**18])
def test_a_whole_number_is_kept_however_large(acme: Driver, upstream: ScriptedUpstream, count: float) -> None:
    upstream.script(Answer({**completion("x"), "usage": {"prompt_tokens": count, "completion_tokens": 3}}))
    assert usage_in(acme.chat(BODY)) == Usage(10**18, 3)


def test_embeddings(acme: Driver, upstream: ScriptedUpstream) -> None:
    body = {"model": "acme/embed", "input": [[1, 2], [3]], "dimensions": 4, "encoding_format": "base64"}
    values_of(acme.embed(body))
    assert upstream.last.json() == {**body, "model": "embed"}
    assert upstream.last.path == "/v1/embeddings"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "bad", "type": "invalid_request_error"}, "bad_request"),
        (400, {"message": "long", "code": "context_length_exceeded"}, "context_length"),
        (400, {"message": "no", "code": "content_policy_violation"}, "content"),
        (401, {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}, "auth"),
        (402, {"message": "pay"}, "billing"),
        (403, {"message": "no"}, "auth"),
        (404, {"message": "no such model"}, "not_found"),
        (429, {"message": "slow down", "code": "rate_limit_exceeded"}, "rate_limit"),
        (429, {"message": "no money", "code": "insufficient_quota"}, "billing"),
        (500, {"message": "oops"}, "server"),
        (503, {"message": "busy"}, "overloaded"),
        (529, {"message": "busy"}, "overloaded"),
    ],
)
def test_kinds_of_failure(acme: Driver, upstream: ScriptedUpstream, status: int, error: Any, kind: str) -> None:
    upstream.script(Answer({"error": error}, status=status))
    found = failure(acme)
    assert (found.kind, found.upstream_status, found.status) == (kind, status, KINDS[kind].status)
    assert found.provider == "acme"


def test_our_key_and_our_bill_are_not_the_clients_business(acme: Driver, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer({"error": {"message": "You owe us $12.34 since May"}}, status=402))
    found = failure(acme)
    assert "12.34" not in found.message
    assert found.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("body", [b"<html>502 Bad Gateway</html>", b"", b"{", b'["x"]', b"null", b"[[[["])
def test_error_bodies_that_say_nothing(acme: Driver, upstream: ScriptedUpstream, body: bytes) -> None:
    upstream.script(Answer(body, status=502))
    assert failure(acme).message == "acme answered 502: no reason was given"


def test_an_error_in_place_of_a_stream(acme: Driver, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer({"error": {"message": "busy", "code": 503}}))
    assert failure(acme, {**BODY, "stream": True}).kind == "overloaded"


@pytest.mark.parametrize("status", [413, 422])
def test_a_bad_request_keeps_its_own_status(acme: Driver, upstream: ScriptedUpstream, status: int) -> None:
    upstream.script(Answer({"error": {"message": "too big", "param": "input"}}, status=status))
    found = failure(acme)
    assert (found.status, found.param, found.message) == (status, "input", "too big")


SIZES = [
    "Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 45000.",
    "Rate limit reached for tokens per min. Limit: 30,000, Requested: 45,000",
    "Extra usage is required for long context requests.",
    "The input or output tokens must be reduced in order to run successfully.",
]


@pytest.mark.parametrize("said", SIZES)
def test_a_limit_that_one_request_is_too_large_for_is_its_own_fault(
    acme: Driver, upstream: ScriptedUpstream, said: str
) -> None:
    error = {"message": said, "type": "tokens", "code": "rate_limit_exceeded"}
    upstream.script(Answer({"error": error}, status=429, headers={"Retry-After": "30"}))
    found = failure(acme)
    assert (found.kind, found.status, found.code, found.headers) == ("bad_request", 400, "request_too_large", {})


@pytest.mark.parametrize(
    "said",
    [
        "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.",
        "Too many requests in a single minute",
    ],
)
def test_a_limit_that_time_lifts_stays_one(acme: Driver, upstream: ScriptedUpstream, said: str) -> None:
    upstream.script(Answer({"error": {"message": said, "code": "rate_limit_exceeded"}}, status=429))
    assert failure(acme).kind == "rate_limit"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT, Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wednesday, 21-Oct-15 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed Oct 21 07:28:00 2015"}, 0.0),
        ({"retry-after": "2015-10-21T07:28:00Z"}, 0.0),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "30, 30"}, 30.0),
        ({"retry-after": "5, 30"}, 30.0),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after-ms": "inf"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(acme: Driver, upstream: ScriptedUpstream, headers: dict[str, str], wait_s: float) -> None:
    upstream.script(Answer({"error": {"message": "slow"}}, status=429, headers=headers))
    assert failure(acme).retry_after_s == wait_s


def test_rate_limit_headers_are_kept(acme: Driver, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer(completion("x"), headers={"X-RateLimit-Remaining-Requests": "4", "X-Secret": "no"}))
    reply = acme.chat(BODY)
    values_of(reply)
    assert reply.headers == {"x-ratelimit-remaining-requests": "4"}


def test_an_unread_stream_gives_its_connection_up(acme: Driver, upstream: ScriptedUpstream) -> None:
    goes_on = threading.Event()
    upstream.script(stream("a", "b", body_hold=goes_on))
    acme.chat({**BODY, "stream": True}).close()
    goes_on.set()
    upstream.wait_for(lambda: upstream.open_connections == 0)


def test_a_secret_is_cut_out_of_what_the_upstream_says(acme: Driver, upstream: ScriptedUpstream) -> None:
    upstream.script(Answer({"error": {"message": f"cannot parse Bearer {KEY} here"}}, status=400))
    assert failure(acme).message == "cannot parse Bearer *** here"
