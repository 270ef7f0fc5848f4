"""What a key asks of itself, and what a management key does for its account, through a real gateway."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from errors import assert_error_shape
from management_wire import BODY, Tenant, exact, request, settled

from router.http.management.own import OWN_ROUTES
from router.testing import CommandFailed, Gateway, ScriptedUpstream

pytestmark = pytest.mark.slow

KEYED = ("/v1/key", "/api/v1/key", "/v1/credits", "/api/v1/credits", "/user/balance", "/v1/dashboard/billing/usage")
READS = [route.path for route in OWN_ROUTES if route.method == "GET" and "<" not in route.path]


def call(gateway: Gateway, key: str, **more: Any) -> Decimal:
    answer = request(gateway, "POST", "/v1/chat/completions", {**BODY, **more}, key=key)
    assert answer.status == 200, answer.body
    return Decimal(answer.headers["x-router-charge"])


def test_a_key_is_told_what_openrouters_clients_look_for(gateway: Gateway, ours: Tenant) -> None:
    shown = exact(request(gateway, "GET", "/api/v1/key", key=ours.key))["data"]
    assert (shown["id"], shown["status"], shown["kind"], shown["scope"]) == (ours.key_id, "active", "model", [])
    assert shown["is_management_key"] is False and len(shown["hash"]) == 64
    account = gateway.router("accounts", "show", ours.account)
    assert shown["account_balance_text"] == account["balance"]
    assert shown["account_balance"] == Decimal(account["balance"])
    assert shown["usage_text"] == str(shown["usage"]) and shown["limit"] is shown["limit_text"] is None
    managing = exact(request(gateway, "GET", "/api/v1/key", key=ours.management))["data"]
    assert managing["is_management_key"] is managing["is_provisioning_key"] is True
    credits = exact(request(gateway, "GET", "/api/v1/credits", key=ours.management))["data"]
    assert credits["balance_text"] == account["balance"] and credits["total_credits"] == 10


def test_an_operators_key_is_told_of_itself_alone(gateway: Gateway, operator: str) -> None:
    shown = exact(request(gateway, "GET", "/v1/key", key=operator))["data"]
    assert shown["kind"] == "operator" and shown["account_balance"] is None
    for path in ("/v1/credits", "/user/balance", "/v1/generation?id=req_1", *READS):
        assert request(gateway, "GET", path, key=operator).status == 403


def test_an_empty_balance_and_a_spent_budget_are_told(gateway: Gateway) -> None:
    poor = gateway.router("accounts", "create", "poor")["id"]
    spent = gateway.router("keys", "create", "--account", poor, "--budget", "0")["api_key"]
    managing = gateway.router("keys", "create", "--account", poor, "--management")["api_key"]
    assert request(gateway, "POST", "/v1/chat/completions", BODY, key=spent).status == 402
    for path in KEYED:
        for key in (spent, managing):
            answer = request(gateway, "GET", path, key=key)
            assert answer.status == 200, (path, answer.body)
            assert answer.headers["cache-control"] == "no-store"
    assert all(request(gateway, "GET", path, key=managing).status == 200 for path in READS)


@pytest.mark.parametrize("how", ["revoke", "disable", "expire", "suspend"])
def test_a_key_that_is_over_is_told_nothing(gateway: Gateway, how: str) -> None:
    account = gateway.router("accounts", "create", how)["id"]
    ends = ["--expires", "8s"] if how == "expire" else []
    keys = [gateway.router("keys", "create", "--account", account, *kind, *ends) for kind in ([], ["--management"])]
    if how in ("revoke", "disable"):
        for key in keys:
            gateway.router("keys", how, key["id"])
    elif how == "suspend":
        gateway.router("accounts", "suspend", account)
    deadline = time.monotonic() + 30
    while any(request(gateway, "GET", "/v1/key", key=key["api_key"]).status == 200 for key in keys):
        assert time.monotonic() < deadline
        time.sleep(0.2)  # or it would be told that it asks too often
    for path in (*KEYED, *READS):
        for key in keys:
            assert request(gateway, "GET", path, key=key["api_key"]).status == 401, path


def test_a_cookie_is_no_key(gateway: Gateway, ours: Tenant) -> None:
    for path in (*KEYED, *READS):
        for name in ("__Host-s", "Authorization", "session"):
            assert request(gateway, "GET", path, headers={"Cookie": f"{name}={ours.management}"}).status == 401
        answer = request(gateway, "GET", path, key=ours.management)
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_call_is_its_keys_and_its_managers_to_see(gateway: Gateway, ours: Tenant) -> None:
    beside = gateway.router("keys", "create", "--account", ours.account)["api_key"]
    query = {"id": ours.call}
    assert exact(request(gateway, "GET", "/api/v1/generation", key=ours.key, query=query))["data"]["id"] == ours.call
    seen = exact(request(gateway, "GET", "/api/v1/generation", key=ours.management, query=query))["data"]
    assert seen["total_cost_text"] == str(seen["total_cost"]) == seen["usage_text"]
    hidden = request(gateway, "GET", "/api/v1/generation", key=beside, query=query)
    unknown = request(gateway, "GET", "/api/v1/generation", key=beside, query={"id": "req_0"})
    assert (hidden.status, hidden.body) == (404, unknown.body)
    rotated = gateway.router("keys", "rotate", ours.key_id, "--grace", "1h")["api_key"]
    assert request(gateway, "GET", "/api/v1/generation", key=rotated, query=query).status == 200


def test_keys_are_made_shown_changed_and_deleted(gateway: Gateway, ours: Tenant) -> None:
    ends = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    body = {"name": "laptop", "limit": 2.5, "limit_reset": "monthly", "expires_at": ends, "models": ["openai/gpt-4o"]}
    made = request(gateway, "POST", "/api/v1/keys", body, key=ours.management)
    value = exact(made, 201)
    row = value["data"]
    assert (row["name"], row["limit"], row["limit_text"], row["limit_reset"]) == ("laptop", 2.5, "2.5", "monthly")
    assert (row["disabled"], row["expires_at"], row["models"]) == (False, ends, ["openai/gpt-4o"])
    assert value["key"].endswith(row["label"][-4:]) and value["key"] not in str(row)
    charge = call(gateway, value["key"])
    path = f"/api/v1/keys/{row['hash']}"
    shown = exact(request(gateway, "GET", path, key=ours.management))["data"]
    assert shown["usage"] == shown["usage_daily"] == charge and shown["limit_remaining"] == Decimal("2.5") - charge

    changed = {"name": "desk", "disabled": True, "limit": None, "expires_at": None, "models": []}
    after = exact(request(gateway, "PATCH", path, changed, key=ours.management))["data"]
    assert (after["name"], after["disabled"], after["limit"], after["limit_reset"]) == ("desk", True, None, None)
    assert after["expires_at"] is None and after["models"] == []
    listed = exact(request(gateway, "GET", "/api/v1/keys", key=ours.management))["data"]
    assert row["hash"] not in {one["hash"] for one in listed}
    every = exact(request(gateway, "GET", "/api/v1/keys", key=ours.management, query={"include_disabled": "true"}))
    assert row["hash"] in {one["hash"] for one in every["data"]}

    assert exact(request(gateway, "DELETE", path, key=ours.management)) == {"deleted": True}
    for method in ("GET", "PATCH", "DELETE"):
        gone = request(gateway, method, path, {"name": "x"} if method == "PATCH" else None, key=ours.management)
        assert_error_shape(gone, 404, "key_not_found")
    assert request(gateway, "POST", "/v1/chat/completions", BODY, key=value["key"]).status == 401


@pytest.mark.row("NE-10")
def test_a_key_takes_limits_that_only_lower_what_operators_give(gateway: Gateway) -> None:
    tenant = settled(gateway, "paced")
    body = {"name": "slow", "requests_per_minute": 2, "tokens_per_minute": 10**9, "spend_per_day": "0.5"}
    value = exact(request(gateway, "POST", "/api/v1/keys", body, key=tenant.management), 201)
    row, path = value["data"], f"/api/v1/keys/{value['data']['hash']}"
    assert (row["requests_per_minute"], row["concurrent"], row["spend_per_day_text"]) == (2, None, "0.5")
    assert value["warnings"] == [] and row["limits_in_force"]["requests_per_minute"] == 2
    for _ in range(2):
        call(gateway, value["key"])
    refused = request(gateway, "POST", "/v1/chat/completions", BODY, key=value["key"])
    assert refused.status == 429, refused.body

    gateway.router("limits", "set", "--key", row["id"], "--tokens-per-minute", "5000", "--concurrent", "3")
    more = {"concurrent": 9, "requests_per_minute": None, "spend_per_month": 7}
    after = exact(request(gateway, "PATCH", path, more, key=tenant.management))["data"]
    assert (after["concurrent"], after["requests_per_minute"], after["spend_per_day"]) == (9, None, Decimal("0.5"))
    held = after["limits_in_force"]
    assert (held["concurrent"], held["tokens_per_minute"], held["spend_per_month_text"]) == (3, 5000, "7")
    call(gateway, value["key"])
    assert exact(request(gateway, "GET", path, key=tenant.management))["data"]["limits_in_force"] == held
    told = gateway.router("audit", "show", "--subject", row["id"])[0]
    assert (told["kind"], told["action"]) == ("key", "keys limit")
    assert told["detail"]["limits"] == {"concurrent": 9, "requests_per_minute": "none", "spend_per_month": "7"}


def test_each_change_is_told_in_the_audit_log(gateway: Gateway, ours: Tenant) -> None:
    made = exact(request(gateway, "POST", "/api/v1/keys", {"name": "told"}, key=ours.management), 201)["data"]
    path = f"/api/v1/keys/{made['hash']}"
    request(gateway, "PATCH", path, {"name": "tale"}, key=ours.management)
    request(gateway, "PATCH", path, {"limit": "1"}, key=ours.management)
    request(gateway, "DELETE", path, key=ours.management)
    entries = gateway.router("audit", "show", "--subject", made["id"])
    assert [one["action"] for one in entries] == ["keys revoke", "keys limit", "keys rename", "keys create"]
    manager = exact(request(gateway, "GET", "/v1/key", key=ours.management))["data"]["id"]
    assert {(one["kind"], one["actor"], one["address"]) for one in entries} == {("key", manager, "127.0.0.1")}


def test_lists_come_a_hundred_at_a_time(gateway: Gateway) -> None:
    many = settled(gateway, "many")
    for number in range(101):
        exact(request(gateway, "POST", "/api/v1/keys", {"name": f"k{number}"}, key=many.management), 201)
    first, second = (
        [row["name"] for row in exact(request(gateway, "GET", "/api/v1/keys", key=many.management, query=page))["data"]]
        for page in ({}, {"offset": 100})
    )
    assert len(first) == 100 and [*first, *second] == ["many-app", *(f"k{number}" for number in range(101))]
    assert many.management[-4:] not in {name[-4:] for name in first}


WRONG: list[tuple[str, Any, str]] = [
    ("POST", {}, "name"),
    ("POST", {"name": ""}, "name"),
    ("POST", {"name": "x" * 300}, "name"),
    ("POST", {"name": None}, "name"),
    ("POST", {"name": "x", "limit": "a lot"}, "limit"),
    ("POST", {"name": "x", "limit": -1}, "limit"),
    ("POST", {"name": "x", "limit": 1e30}, "limit"),
    ("POST", {"name": "x", "limit": "1.0000000001"}, "limit"),
    ("POST", {"name": "x", "limit": True}, "limit"),
    ("POST", {"name": "x", "limit": 5, "limit_reset": "hourly"}, "limit_reset"),
    ("POST", {"name": "x", "limit_reset": "daily"}, "limit_reset"),
    ("POST", {"name": "x", "expires_at": "soon"}, "expires_at"),
    ("POST", {"name": "x", "models": "openai/gpt-4o"}, "models"),
    ("POST", {"name": "x", "models": [1]}, "models"),
    ("POST", {"name": "x", "nmae": "y"}, "nmae"),
    ("POST", {"name": "x", "requests_per_minute": 0}, "requests_per_minute"),
    ("POST", {"name": "x", "tokens_per_minute": 10**10}, "tokens_per_minute"),
    ("POST", {"name": "x", "concurrent": 1.5}, "concurrent"),
    ("PATCH", {"spend_per_day": -1}, "spend_per_day"),
    ("PATCH", {}, ""),
    ("PATCH", {"disabled": "yes"}, "disabled"),
]


@pytest.mark.parametrize(("method", "body", "param"), WRONG)
def test_what_is_wrong_is_said_at_its_field(gateway: Gateway, ours: Tenant, method: str, body: Any, param: str) -> None:
    row = exact(request(gateway, "GET", "/api/v1/keys", key=ours.management))["data"][0]
    path = "/api/v1/keys" if method == "POST" else f"/api/v1/keys/{row['hash']}"
    detail = assert_error_shape(request(gateway, method, path, body, key=ours.management), 400, "invalid_value")
    assert detail["param"] == (param or None)
    assert param in detail["message"]


NO_OBJECTS = [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 100_000, b'{"name": NaN}', b"null", b"1" * 9999]


@pytest.mark.parametrize("raw", NO_OBJECTS, ids=lambda raw: repr(raw[:8]))
def test_a_body_that_is_no_object_is_refused(gateway: Gateway, ours: Tenant, raw: bytes) -> None:
    assert request(gateway, "POST", "/api/v1/keys", raw, key=ours.management).status == 400


def test_the_office_says_the_rest(gateway: Gateway, ours: Tenant) -> None:
    past = "2001-01-01T00:00:00Z"
    for body, code in (
        ({"name": "x", "expires_at": past}, 400),
        ({"name": "x\nj"}, 400),
        ({"name": "x", "models": ["openai/gpt-4p"]}, 404),
    ):
        answer = request(gateway, "POST", "/api/v1/keys", body, key=ours.management)
        assert answer.status == code, answer.body
    huge = json.dumps({"name": "x" * 300_000}).encode()
    assert request(gateway, "POST", "/api/v1/keys", huge, key=ours.management).status == 413


def test_sums_calls_and_balance_agree_to_the_last_digit(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    tenant = settled(gateway, "sums")
    other = exact(request(gateway, "POST", "/api/v1/keys", {"name": "second"}, key=tenant.management), 201)
    for key in (tenant.key, other["key"], other["key"]):
        call(gateway, key)
    rows = all_logs(gateway, tenant, limit=2)
    assert len(rows) == len({row["id"] for row in rows}) == 4
    total = sum(Decimal(row["total_cost_text"]) for row in rows)
    credits = exact(request(gateway, "GET", "/api/v1/credits", key=tenant.management))["data"]
    assert credits["total_usage"] == total
    for group in ("model", "key", "day", "hour", "model,key"):
        answer = exact(request(gateway, "GET", "/api/v1/activity", key=tenant.management, query={"group_by": group}))
        assert sum(row["usage"] for row in answer["data"]) == total, group
        assert sum(row["requests"] for row in answer["data"]) == 4
    by_key = exact(request(gateway, "GET", "/api/v1/activity", key=tenant.management, query={"group_by": "key"}))
    assert {row["api_key_name"]: row["requests"] for row in by_key["data"]} == {"sums-app": 2, "second": 2}
    today = datetime.now(UTC).date().isoformat()
    query = {"date": today, "api_key_hash": other["data"]["hash"]}
    (row,) = exact(request(gateway, "GET", "/api/v1/activity", key=tenant.management, query=query))["data"]
    assert (row["date"], row["complete"], row["requests"], row["model"]) == (today, False, 2, "openai/gpt-4o")
    leap_year = {"from": "2020-01-01", "to": "2020-12-31"}
    assert exact(request(gateway, "GET", "/api/v1/activity", key=tenant.management, query=leap_year))["data"] == []


def all_logs(gateway: Gateway, tenant: Tenant, **query: Any) -> list[Any]:
    rows: list[Any] = []
    after: dict[str, Any] = {}
    while True:
        page = exact(request(gateway, "GET", "/api/v1/logs", key=tenant.management, query={**query, **after}))
        rows += page["data"]
        if page["next"] is None:
            return rows
        after = {"after": page["next"]}


def test_logs_are_filtered(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    tenant = settled(gateway, "filters")
    call(gateway, tenant.key)
    refused = request(gateway, "POST", "/v1/chat/completions", {**BODY, "stream": True}, key=tenant.key)
    assert refused.status == 200
    newest, plain, first = all_logs(gateway, tenant)
    assert (newest["streamed"], plain["streamed"], first["id"]) == (True, False, tenant.call)
    for query, count in (
        ({"streamed": "true"}, 1),
        ({"status": "2xx"}, 3),
        ({"status": "429"}, 0),
        ({"model": "openai/gpt-4o"}, 3),
        ({"model": "none"}, 0),
        ({"error_code": "none"}, 0),
        ({"request_id": tenant.call}, 1),
        ({"key": tenant.key_id}, 3),
        ({"since": plain["created_at"]}, 2),
        ({"until": plain["created_at"]}, 1),
    ):
        assert len(all_logs(gateway, tenant, **query)) == count, query
    wrong: list[dict[str, Any]] = [{"status": "999"}, {"limit": 0}, {"limit": 1001}, {"since": "x"}, {"odd": "1"}]
    for query in (*wrong, {"streamed": "maybe"}):
        answer = request(gateway, "GET", "/api/v1/logs", key=tenant.management, query=query)
        assert_error_shape(answer, 400, "invalid_value")
    years = {"from": "2020-01-01", "to": "2026-01-01"}
    for query in (years, {"date": "x"}, {"group_by": "account"}, {"to": "9999-12-31"}):
        answer = request(gateway, "GET", "/api/v1/activity", key=tenant.management, query=query)
        assert_error_shape(answer, 400, "invalid_value")


@pytest.fixture
def hushed(tmp_path: Any, running_upstream: ScriptedUpstream) -> Iterator[Gateway]:
    section = {"kind": "compatible", "base_url": running_upstream.url, "api_key": "sk-upstream", "unlisted": True}
    config = {"server": {"api_requests_per_minute": 30}}
    with Gateway(tmp_path, providers={"hush": section}, config=config) as gateway:
        yield gateway


def test_who_serves_and_what_it_costs_us_is_told_to_nobody(hushed: Gateway, upstream: ScriptedUpstream) -> None:
    costs = ("--cost-input", "0.123456", "--cost-output", "0.123456")
    hushed.router("models", "add", "house", "--provider", "hush", "--model", "whisperer", *costs)
    hushed.router("models", "price", "house", "--input", "3", "--output", "7")
    tenant_key = hushed.api_key
    managing = hushed.router("keys", "create", "--account", hushed.account, "--management")["api_key"]
    answer = request(hushed, "POST", "/v1/chat/completions", {**BODY, "model": "house"}, key=tenant_key)
    assert answer.status == 200, answer.body
    told = b"".join(request(hushed, "GET", path, key=managing).body for path in (*READS, *KEYED))
    assert b'"house"' in told
    for name, count in (("house", 1), ("hush/whisperer", 0), ("whisperer", 0)):
        found = exact(request(hushed, "GET", "/api/v1/logs", key=managing, query={"model": name}))
        assert len(found["data"]) == count
    for word in (b"hush", b"whisperer", b"0.123456", b'"cost"', b"margin"):
        assert word not in told


def test_asking_too_often_is_refused_and_calls_go_on(hushed: Gateway, upstream: ScriptedUpstream) -> None:
    hushed.router("models", "price", "hush/gpt-4o", "--free")
    managing = hushed.router("keys", "create", "--account", hushed.account, "--management")["api_key"]
    statuses = [request(hushed, "GET", "/v1/key", key=hushed.api_key).status for _ in range(40)]
    assert statuses[:30] == [200] * 30 and statuses[-1] == 429
    answer = request(hushed, "GET", "/v1/key", key=hushed.api_key)
    assert_error_shape(answer, 429, "api_rate_limit_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 3
    body = {**BODY, "model": "hush/gpt-4o"}
    assert request(hushed, "POST", "/v1/chat/completions", body, key=hushed.api_key).status == 200
    assert request(hushed, "GET", "/v1/key", key=managing).status == 200


def test_a_key_for_calls_manages_nothing(gateway: Gateway, ours: Tenant) -> None:
    for route in OWN_ROUTES:
        path = route.path.replace("<hash>", "0" * 64)
        body = {"name": "x"} if route.reads_body else None
        answer = request(gateway, route.method, path, body, key=ours.key)
        assert_error_shape(answer, 403, "management_key_required")


def test_a_wrong_option_of_the_command_is_a_refusal(gateway: Gateway) -> None:
    with pytest.raises(CommandFailed, match="goes with"):
        gateway.router("keys", "create", "--operator", "--management")
