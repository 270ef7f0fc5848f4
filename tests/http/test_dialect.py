"""A fifth profile, shipped by a third party: the example of ``docs/dialects.md``, asked for all that it promises."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from bazaar import bazaar
from gateway_wire import USER, get, post, send
from waiting import until

from router.testing import Answer, Gateway, Result, ScriptedUpstream, error

pytestmark = pytest.mark.slow

STALLS = [
    {"name": "carpet", "open": True, "per_million": "3.00", "currency": "USD"},
    {"name": "lamp", "open": False, "per_million": "0.20", "currency": "USD"},
]


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory, running_upstream: ScriptedUpstream) -> Iterator[Gateway]:
    with bazaar(tmp_path_factory.mktemp("bazaar"), running_upstream) as gateway:
        yield gateway


def head(gateway: Gateway, path: str) -> Result:
    return send(gateway.port, f"HEAD {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode(), head_only=True)


def test_keys_are_of_the_dialects_form(stall: Gateway) -> None:
    assert stall.api_key.startswith("bz-") and len(stall.api_key) == 3 + 32
    made = stall.router("keys", "create", "--account", stall.account)
    again = stall.router("keys", "rotate", made["id"])
    assert {len(made["api_key"]), len(again["api_key"])} == {35}


def test_calls_are_served_at_all_its_paths_and_charged_its_price(stall: Gateway, upstream: ScriptedUpstream) -> None:
    for path in ("/v1/chat/completions", "/bazaar/chat"):
        answer = post(stall, path, {"model": "carpet", "messages": USER, "max_tokens": 5})
        assert (answer.status, answer.json()["model"]) == (200, "carpet")
        usage = answer.json()["usage"]
        nano = usage["prompt_tokens"] * 3_000 + usage["completion_tokens"] * 12_000
        assert float(answer.headers["x-router-charge"]) == nano / 1e9
    assert upstream.last.json()["model"] == "gpt-4o"


def test_the_catalogue_is_for_everybody(stall: Gateway) -> None:
    answer = get(stall, "/stalls", key="")
    assert answer.json() == {"stalls": STALLS}
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert "x-bazaar-stock" not in answer.headers
    empty = head(stall, "/stalls")
    assert (empty.status, empty.body) == (200, b"")
    assert empty.headers["content-length"] == answer.headers["content-length"]
    wrong = post(stall, "/stalls", {})
    assert (wrong.status, wrong.headers["allow"], wrong.json()["why"]) == (405, "GET, HEAD", "method_not_allowed")


def test_the_keys_own_list_has_what_can_be_called(stall: Gateway) -> None:
    assert [model["id"] for model in get(stall, "/v1/models").json()["data"]] == ["carpet"]
    assert get(stall, "/v1/models/carpet").json()["id"] == "carpet"
    assert get(stall, "/v1/models/lamp").status == 503
    assert get(stall, "/v1/models/openai/gpt-4o-mini").status == 404, "only its offers are sold"
    assert get(stall, "/v1/models", key="").status == 401


def test_health(stall: Gateway) -> None:
    assert get(stall, "/bazaar/health", key="").json() == get(stall, "/healthz", key="").json()
    assert head(stall, "/bazaar/health").status == 200


def test_the_estimator_is_for_everybody_and_agrees_with_the_command(stall: Gateway) -> None:
    counts = {"model": "carpet", "prompt_tokens": 2000, "completion_tokens": 300}
    answer = post(stall, "/bazaar/estimate", counts, key="")
    assert answer.json()["total_cost"] == "0.0096"
    tokens = ("--prompt-tokens", "2000", "--completion-tokens", "300")
    assert stall.router("models", "price", "carpet", "--estimate", *tokens)["charge"] == "0.0096"
    bound = post(stall, "/bazaar/estimate", {"model": "carpet", "messages": USER, "max_tokens": 5}, key="").json()
    assert bound["counted_by"] == "bound" and bound["completion_tokens"] == 5


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"model": "rug", "prompt_tokens": 1}, 404, "model_not_found"),
        ({"model": "carpet", "prompt_tokens": -1}, 400, "invalid_value"),
        ({"model": "carpet", "prompt_tokens": 10**15}, 400, "invalid_value"),
        (b"{", 400, "invalid_json"),
        ({"model": "x" * 300_000, "prompt_tokens": 1}, 413, "request_too_large"),
    ],
)
def test_the_estimators_refusals_are_in_the_dialects_shape(stall: Gateway, body: Any, status: int, why: str) -> None:
    answer = post(stall, "/bazaar/estimate", body, key="")
    assert (answer.status, answer.json()["why"]) == (status, why)


def test_errors_outside_of_calls_are_in_the_dialects_shape(stall: Gateway) -> None:
    for answer, why in (
        (get(stall, "/stals", key=""), "not_found"),
        (post(stall, "/v1/chat/completions", {}, key="bz-wrong"), "invalid_api_key"),
        (send(stall.port, b"GET /stalls HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "invalid_request"),
    ):
        assert set(answer.json()) == {"sorry", "why"}
        assert answer.json()["why"] == why
    assert "/stalls" in get(stall, "/stals", key="").json()["sorry"]


def test_the_dialect_tells_an_outage_from_other_failures(stall: Gateway, upstream: ScriptedUpstream) -> None:
    body = {"model": "carpet", "messages": USER, "max_tokens": 5}
    upstream.script(Answer(error(400), status=400), Answer(error(500), status=500))
    statuses = [post(stall, "/bazaar/chat", body).status for _ in range(2)]
    assert statuses == [400, 503]
    missing = post(stall, "/bazaar/chat", {**body, "model": "lamp"})
    assert (missing.status, missing.json()["why"]) == (503, "provider_not_configured")
    assert "acme" not in missing.json()["sorry"]
    deadline = time.monotonic() + 60
    while not ("[providers.acme]" in str(stall.log) and "[gateway] upstream" in str(stall.log)):
        assert time.monotonic() < deadline, stall.log[-3:]
        time.sleep(0.02)


@pytest.mark.row("NG-5")
def test_the_catalogue_outlives_its_database(tmp_path: Path, running_upstream: ScriptedUpstream) -> None:
    with bazaar(tmp_path, running_upstream) as gateway:
        gateway.router("models", "disable", "lamp")
        until(lambda: get(gateway, "/stalls", key="").json() == {"stalls": STALLS[:1]})
        database = tmp_path / "router.db"
        database.rename(tmp_path / "away.db")
        until(lambda: "x-bazaar-stock" in get(gateway, "/stalls", key="").headers)
        answer = get(gateway, "/stalls", key="")
        assert (answer.status, answer.json()) == (200, {"stalls": STALLS})
        assert answer.headers["x-bazaar-stock"] == "remembered"
        assert get(gateway, "/v1/models").status in (200, 503), "which needs a key, and so the database"
        (tmp_path / "away.db").rename(database)
        until(lambda: "x-bazaar-stock" not in get(gateway, "/stalls", key="").headers)
        assert get(gateway, "/stalls", key="").json() == {"stalls": STALLS[:1]}


def test_streams_that_are_switched_off_are_refused_by_a_code_of_their_own(
    tmp_path: Path, running_upstream: ScriptedUpstream
) -> None:
    config = {"gateway": {"streaming": False}, "limits": {"requests_per_minute": 1}}
    with bazaar(tmp_path, running_upstream, config=config) as gateway:
        body = {"model": "carpet", "messages": USER, "max_tokens": 5}
        refused = post(gateway, "/bazaar/chat", {**body, "stream": True})
        assert (refused.status, refused.json()["why"]) == (400, "streaming_disabled")
        client = gateway.client()
        client.chat.completions.create(**body)  # type: ignore[call-overload]
        with pytest.raises(openai.RateLimitError) as limited:
            client.chat.completions.create(**body)  # type: ignore[call-overload]
        said = json.loads(limited.value.response.content)
        assert str(said["seconds"]) == limited.value.response.headers["retry-after"]
