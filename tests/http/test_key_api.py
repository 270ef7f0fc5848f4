"""What a key asks of itself and its account: real calls, exact amounts, and nothing of anybody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from errors import assert_error_shape
from gateway_wire import CHAT, USER, get, post

from router.testing import Answer, Gateway, ScriptedUpstream, completion, stream

pytestmark = pytest.mark.slow

BODY = {"model": "openai/gpt-4o", "messages": USER, "max_tokens": 20}
KEYED = ["/v1/generation?id=req_1", "/v1/credits", "/v1/key", "/v1/auth/key", "/user/balance"]
KEYED += ["/dashboard/billing/subscription", "/dashboard/billing/usage"]


@pytest.fixture(scope="module", params=["", "nexgate", "neurongate"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def paid(profile: str, tmp_path_factory: Any, running_upstream: ScriptedUpstream) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("paid")
    config = {"gateway": {"only_offers": False, "currency": "USD"}}
    with Gateway(folder, upstream=running_upstream.url, profile=profile or None, config=config) as gateway:
        gateway.router("credits", "grant", gateway.account, "10.000000007", "--reason", "a test")
        yield gateway


def key_of(gateway: Gateway, *options: str, account: str = "") -> str:
    made = gateway.router("keys", "create", "--account", account or gateway.account, *options)
    return str(made["api_key"])


def exact(gateway: Gateway, path: str, key: str | None = None) -> Any:
    answer = get(gateway, path, key=key)
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    return json.loads(answer.body, parse_float=Decimal)


def test_a_call_is_there_as_soon_as_it_is_answered(paid: Gateway, upstream: ScriptedUpstream, profile: str) -> None:
    for _ in range(3):
        answer = post(paid, CHAT, BODY)
        id = answer.headers["x-request-id"]
        for path in ("/v1/generation", "/api/v1/generation", "/generation"):
            shown = exact(paid, f"{path}?id={id}")["data"]
            assert (shown["id"], shown["model"], shown["status"]) == (id, "openai/gpt-4o", 200)
            usage = answer.json()["usage"]
            assert shown["tokens_prompt"] == usage["prompt_tokens"]
            assert shown["tokens_completion"] == usage["completion_tokens"]
            assert Decimal(shown["total_cost"]) == Decimal(answer.headers["x-router-charge"]) > 0
            assert shown["latency"] >= (shown["first_token_latency"] or 0) >= 0
            assert (shown["provider_name"] == "openai") == (profile == "")
            assert ("provider_responses" in shown) == (profile == "")
    upstream.script(stream("Hel", "lo", include_usage=True))
    streamed = post(paid, CHAT, {**BODY, "stream": True})
    assert exact(paid, f"/v1/generation?id={streamed.headers['x-request-id']}")["data"]["streamed"] is True
    upstream.script(*[Answer.error(400)])
    failed = post(paid, CHAT, BODY)
    assert exact(paid, f"/v1/generation?id={failed.headers['x-request-id']}")["data"]["total_cost"] == 0


def test_a_call_is_found_by_the_id_that_we_wrote_into_its_answer(tmp_path: Path) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    asked: dict[str, dict[str, Any]] = {
        CHAT: {"messages": hello},
        "/v1/messages": {"messages": hello, "max_tokens": 20},
        "/v1/responses": {"input": "Hello"},
        "/v1/completions": {"prompt": "Hello"},
    }
    with Gateway(tmp_path, providers={"echo": {}}) as gateway:
        for path, body in asked.items():
            for stream in (False, True):
                answer = post(gateway, path, {"model": "echo/echo", "stream": stream, **body})
                assert answer.status == 200, answer.body
                ids = re.findall(rb'"id": ?"((?:chatcmpl|msg|resp|cmpl)[^"]*)"', answer.body)
                own = [one.decode() for one in ids if not one.startswith(b"msg_") or path == "/v1/messages"]
                assert own, answer.body
                shown = exact(gateway, f"/v1/generation?id={own[0]}")["data"]
                assert (shown["id"], shown["streamed"]) == (answer.headers["x-request-id"], stream), path
        for unknown in ("chatcmpl-req_" + "0" * 24, "chatcmpl-none", "resp_" + "f" * 24, "chatcmpl-req_", "%00"):
            assert get(gateway, f"/v1/generation?id={unknown}").status == 404


def test_a_call_is_found_by_the_id_that_its_provider_wrote(
    paid: Gateway, upstream: ScriptedUpstream, profile: str
) -> None:
    """Of two answers with one ID the newer; what is no ID is kept of none."""
    found = []
    for number in (1, 2):
        upstream.script(Answer({**completion("Hi"), "id": "gen-1234 é"}))
        answer = post(paid, CHAT, BODY)
        assert answer.json()["id"] == "gen-1234 é"
        found.append(exact(paid, f"/v1/generation?id={quote('gen-1234 é')}")["data"])
        assert found[-1]["id"] == answer.headers["x-request-id"], number
    assert ("upstream_id" in found[0]) == (profile == "") and found[0].get("upstream_id", "gen-1234 é") == "gen-1234 é"
    upstream.script(stream("Hel", "lo", include_usage=True))
    streamed = post(paid, CHAT, {**BODY, "stream": True})
    told = re.search(rb'"id": ?"([^"]+)"', streamed.body)
    assert told is not None
    assert exact(paid, f"/v1/generation?id={told[1].decode()}")["data"]["id"] == streamed.headers["x-request-id"]
    for odd in (7, None, "", "x" * 129, "a\nb"):
        upstream.script(Answer({**completion("Hi"), "id": odd}))
        odd_call = post(paid, CHAT, BODY)
        assert odd_call.status == 200 and odd_call.json()["id"] == odd
    for unknown in ("7", "None", "a%0Ab", "x" * 128):
        assert get(paid, f"/v1/generation?id={unknown}").status == 404, unknown
    other = key_of(paid, account=paid.router("accounts", "create", "stranger")["id"])
    assert get(paid, f"/v1/generation?id={quote('gen-1234 é')}", key=other).status == 404


def test_another_keys_call_is_one_that_is_not_there(paid: Gateway, upstream: ScriptedUpstream) -> None:
    id = post(paid, CHAT, BODY).headers["x-request-id"]
    other = key_of(paid, account=paid.router("accounts", "create", "other")["id"])
    managing = key_of(paid, "--management")
    assert exact(paid, f"/v1/generation?id={id}", managing)["data"]["id"] == id
    unknown = get(paid, "/v1/generation?id=req_0000000000000000", key=other)
    for key in (other, key_of(paid)):
        hidden = get(paid, f"/v1/generation?id={id}", key=key)
        assert hidden.status == unknown.status == 404
        assert hidden.body == unknown.body
    for query in ("", "?id=", f"?id={'x' * 500}"):
        assert get(paid, f"/v1/generation{query}").status == 400


def test_credits_are_exact_and_count_the_last_call(paid: Gateway, upstream: ScriptedUpstream) -> None:
    before = exact(paid, "/v1/credits")["data"]
    charge = Decimal(post(paid, CHAT, BODY).headers["x-router-charge"])
    after = exact(paid, "/api/v1/credits")["data"]
    assert after["total_usage"] - before["total_usage"] == charge > 0
    assert after["total_credits"] - after["total_usage"] == after["balance"]
    assert str(after["total_credits"]).endswith("000000007") and after["currency"] == "USD"
    found = exact(paid, "/user/balance")
    (info,) = found["balance_infos"]
    assert found["is_available"] is True and Decimal(info["total_balance"]) == after["balance"]
    limit = exact(paid, "/dashboard/billing/subscription")["hard_limit_usd"]
    used = exact(paid, "/v1/dashboard/billing/usage?start_date=2026-01-01&end_date=2026-12-31")["total_usage"]
    assert limit - used / 100 == after["balance"]


def test_a_key_is_told_its_limits_and_what_is_left(paid: Gateway, upstream: ScriptedUpstream) -> None:
    made = paid.router("keys", "create", "--account", paid.account, "--name", "laptop", "--budget", "2.5")
    paid.router("limits", "set", "--key", made["id"], "--requests-per-minute", "60")
    charge = Decimal(post(paid, CHAT, BODY, key=made["api_key"]).headers["x-router-charge"])
    for path in ("/v1/key", "/api/v1/key", "/v1/auth/key"):
        answer = get(paid, path, key=made["api_key"])
        assert made["api_key"] not in answer.body.decode()
        shown = json.loads(answer.body, parse_float=Decimal)["data"]
        assert (shown["label"], shown["id"]) == ("laptop", made["id"])
        assert shown["limit"] == Decimal("2.5") and shown["limit_remaining"] == Decimal("2.5") - charge
        assert shown["usage"] == shown["usage_daily"] == shown["usage_monthly"] == charge
        assert shown["rate_limit"]["requests"] == shown["limits"]["requests_per_minute"] == 60
    free = exact(paid, "/v1/key")["data"]
    assert free["limit"] is free["limit_remaining"] is free["limit_reset"] is None


@pytest.mark.parametrize("path", KEYED)
def test_nothing_is_told_without_a_key(paid: Gateway, path: str) -> None:
    for key in ("", "sk-wrong"):
        answer = get(paid, path, key=key)
        assert answer.status == 401
    assert post(paid, path, {}).status == 405


def test_errors_have_the_dialects_shape(gateway: Gateway) -> None:
    detail = assert_error_shape(get(gateway, "/v1/generation?id=req_1"), 404, "generation_not_found")
    assert "x-request-id" in detail["message"]
    assert_error_shape(get(gateway, "/v1/generation"), 400, "missing_id")
