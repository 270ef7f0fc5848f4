"""What an operator changes of a key is in force for the very next call, on every worker that had it cached."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable

import pytest
from money_calls import whole
from money_wire import MODEL, TOKEN, House, TestKey, nano, statuses
from waiting import until

from router.money.amounts import parse_nano
from router.store.accounts import set_account_status
from router.store.keys import KeyChanges, change_key, disable_key, enable_key, revoke_key, rotate_key
from router.store.limits import Subject, set_limits
from router.testing import Answer, Stream, chunks, completion
from router.types.keys import Budget

pytestmark = pytest.mark.slow

CALLS = 12  # at once: enough for each of four workers
CAP = 10

CHANGES: dict[str, tuple[Callable[[House, TestKey], object], int, str]] = {
    "disabled": (lambda house, key: disable_key(house.database, key.id), 401, "api_key_disabled"),
    "revoked": (lambda house, key: revoke_key(house.database, key.id), 401, "api_key_revoked"),
    "rotated": (lambda house, key: rotate_key(house.database, key.id, grace_s=0), 401, "api_key_revoked"),
    "account": (
        lambda house, key: set_account_status(house.database, key.account, "suspended"), 401, "api_key_disabled",
    ),
    "scope": (
        lambda house, key: change_key(house.database, key.id, KeyChanges(scope=["acme/dear"])),
        403,
        "model_not_allowed",
    ),
    "budget": (
        lambda house, key: change_key(house.database, key.id, KeyChanges(budget=Budget(parse_nano(nano(CAP - 1))))),
        402,
        "key_budget_exceeded",
    ),
    "limit": (
        lambda house, key: set_limits(house.database, Subject("key", key.id), {"concurrent": 0}),
        429,
        "rate_limit_exceeded",
    ),
    "account limit": (
        lambda house, key: set_limits(house.database, Subject("account", key.account), {"spend_per_day": 0}),
        429,
        "rate_limit_exceeded",
    ),
}  # fmt: skip
"""What is changed -> how, and the status and code that the next call meets."""


@pytest.mark.parametrize("change", CHANGES)
def test_the_next_call_meets_the_change(house: House, change: str) -> None:
    key = house.key()
    _warm(house, key)
    apply, status, code = CHANGES[change]
    apply(house, key)
    answers = house.fire([key] * CALLS).wait(answered=CALLS, reached=0).finish()
    assert {(answer.status, answer.error["code"]) for answer in answers} == {(status, code)}
    assert len(house.usage(key.account)) == CALLS, "the calls before the change, and no others"


@pytest.mark.parametrize("command", [("keys", "disable"), ("accounts", "suspend")])
def test_the_commands_do_it(sqlite_house: House, command: tuple[str, str]) -> None:
    key = sqlite_house.key()
    _warm(sqlite_house, key)
    sqlite_house.gateways[0].router(*command, _subject(command, key))
    assert statuses(sqlite_house.fire([key] * CALLS).finish()) == {401: CALLS}


def test_what_is_given_back_holds_for_the_next_call_too(house: House) -> None:
    key = house.key(scope=["acme/dear"], budget=nano(CAP - 1))
    assert statuses(house.fire([key] * CALLS).finish()) == {403: CALLS}
    change_key(house.database, key.id, KeyChanges(scope=()))
    assert statuses(house.fire([key] * CALLS).finish()) == {402: CALLS}
    disable_key(house.database, key.id)
    change_key(house.database, key.id, KeyChanges(budget=None))
    assert statuses(house.fire([key] * CALLS).finish()) == {401: CALLS}
    enable_key(house.database, key.id)
    _warm(house, key)


def test_calls_under_way_end_well_and_are_charged(house: House) -> None:
    key = house.key()
    before = house.balance(key.account).balance
    volley = house.fire([key] * CALLS, max_tokens=CAP).wait(answered=0, reached=CALLS)
    revoke_key(house.database, key.id)
    assert statuses(volley.finish()) == {200: CALLS}
    assert before - house.balance(key.account).balance == CALLS * parse_nano(nano(CAP))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("keys", "revoke"), "api_key_revoked"),
        (("keys", "disable"), "api_key_disabled"),
        (("accounts", "suspend"), "api_key_disabled"),
    ],
)
def test_calls_under_way_end_with_their_key(
    house: House, command: tuple[str, str], code: str, never: threading.Event
) -> None:
    key, other = house.key(), house.key()
    marker = house.plan(Stream([*chunks("one ", "two ")[:3], never]))
    silent = house.plan(Answer(completion("ok"), hold=never))
    streams = [house.send(key, gateway, stream=True, tag=marker) for gateway in house.gateways * 4]
    plain, kept = house.send(key, tag=silent), house.send(other, stream=True, tag=marker)
    begun = [stream.getresponse() for stream in streams]
    for response in begun:
        assert response.readline() != b""
    until(lambda: house.reached(silent))
    house.gateways[0].router(*command, _subject(command, key), "--now")
    for response in begun:
        told = response.read()
        assert b'"two "' in told and b"[DONE]" not in told
        error = json.loads(told.split(b"data: ")[-1])["error"]
        assert (error["code"], "under way" in error["message"]) == (code, True)
    with contextlib.closing(plain):
        refused = whole(plain)
    assert (refused.status, refused.error["code"]) == (401, code)
    rows = {bool(row["streamed"]): row for row in house.usage(key.account)}
    assert len(house.usage(key.account)) == len(streams) + 1
    assert (rows[True]["ending"], rows[True]["error_code"]) == ("cut", code)
    assert rows[True]["charge_nano"] == rows[True]["completion_tokens"] * TOKEN > 0
    assert (rows[False]["ending"], rows[False]["charge_nano"]) == ("error", 0)
    assert house.holds(key.account) == []
    assert house.usage(other.account) == [], "another's goes on"
    if command != ("keys", "revoke"):  # one that is let in again has calls that go on
        house.gateways[0].router(command[0], {"keys": "enable"}.get(command[0], "resume"), _subject(command, key))
        assert house.call(key).status == 200
    never.set()
    with contextlib.closing(kept):
        assert whole(kept).status == 200
    for stream in streams:
        stream.close()


def test_a_key_ends_at_its_moment(house: House) -> None:
    key = house.key(expires_at=time.time() + 1.0)
    ends = time.time() + 1.0
    _warm(house, key)
    sent = time.time()
    while house.call(key).status == 200:
        assert sent < ends + 0.1, "it was let in after its end"
        sent = time.time()
    assert time.time() >= ends - 0.1
    answers = house.fire([key] * CALLS).finish()
    assert statuses(answers) == {401: CALLS}
    assert "expired" in answers[0].error["message"]


def test_a_rotated_key_and_its_successor_share_a_budget_and_a_limit(house: House) -> None:
    key = house.key(budget=nano(10 * CAP), limits={"requests_per_minute": 100})
    assert statuses(house.fire([key] * 4, max_tokens=CAP).finish()) == {200: 4}
    row, text = rotate_key(house.database, key.id, grace_s=3600)
    new = TestKey(row.id, text, key.account)
    volley = house.fire([key, new] * 10, max_tokens=CAP).wait(answered=14, reached=6)
    assert statuses(volley.finish()) == {200: 6, 402: 14}
    assert house.buckets(key.id)["requests"] == (10, 0)
    assert house.buckets(new.id) == {}
    revoke_key(house.database, key.id)
    change_key(house.database, new.id, KeyChanges(budget=None))
    assert (house.call(key).status, house.call(new).status) == (401, 200)


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_a_budget_begins_again_with_its_period(house: House, period: str) -> None:
    """Not the calendar is moved on, but what was spent is put into the period before."""
    key = house.key(budget=nano(2 * CAP), period=period)
    for _ in range(2):
        assert statuses(house.fire([key] * 6, max_tokens=CAP).wait(answered=4, reached=2).finish()) == {200: 2, 402: 4}
        house.write("UPDATE buckets SET window_start = window_start - 1 WHERE id = ?", f"host:budget:{key.id}")
    assert house.call(key, max_tokens=CAP).status == 200


def test_routes_without_claims_follow_within_a_second(house: House) -> None:
    key = house.key()
    for gateway in house.gateways * CALLS:
        assert house.get("/v1/models", key, gateway).status == 200
    changed = time.monotonic()
    disable_key(house.database, key.id)
    last = 0.0
    while (now := time.monotonic() - changed) < 1.3:
        answers = [house.get("/v1/models", key, gateway).status for gateway in house.gateways]
        last = now if 200 in answers else last
        if now > 1.1:
            assert answers == [401] * len(answers)
    assert last < 1.1


def test_a_scope_hides_the_other_models(house: House) -> None:
    key = house.key(scope=[MODEL])
    assert b"acme/dear" not in house.get("/v1/models", key).body
    assert house.call(key, model="acme/dear").status == 403


def _subject(command: tuple[str, str], key: TestKey) -> str:
    return key.id if command[0] == "keys" else key.account


def _warm(house: House, key: TestKey) -> None:
    """Every worker knows the key."""
    assert statuses(house.fire([key] * CALLS).finish()) == {200: CALLS}
