"""Each limit, whoever it is set for: exactly what fits passes, and the wait that is told is the true one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from money_wire import TAG, TOKEN, Answered, House, TestKey, statuses

from router.store.limits import Subject, set_limits

CAP = 10
BOUND = 2 + 2 * 16 + TAG + CAP  # tokens: "Hi", what providers add for the message and the call, the marker, the cap
USED = 1 + CAP
FITS, FIRED = 5, 12
LIMITS = {
    "requests_per_minute": FITS,
    "tokens_per_minute": FITS * BOUND + BOUND - 1,
    "concurrent": FITS,
    "spend_per_day": FITS * CAP * TOKEN + CAP * TOKEN - 1,
    "spend_per_month": FITS * CAP * TOKEN,
}
BUCKETS = dict(zip(LIMITS, ("requests", "tokens", "concurrent", "day", "month"), strict=True))
TIERS = ("tier", "tier-account")


@pytest.mark.row("NX-9", "NE-6")
@pytest.mark.parametrize("whose", ["key", "account", *TIERS])
@pytest.mark.parametrize("limit", LIMITS)
def test_exactly_what_fits_passes(house: House, limit: str, whose: str) -> None:
    keys = _limited(house, whose, {limit: LIMITS[limit]})
    stream = whose in TIERS
    volley = house.fire(_turns(keys), max_tokens=CAP, stream=stream).wait(answered=FIRED - FITS, reached=FITS)
    before = time.time()
    answers = volley.finish()
    assert statuses(answers) == {200: FITS, 429: FIRED - FITS}
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.error["code"] for answer in refused} == {"rate_limit_exceeded"}
    assert _noun(whose) in refused[0].error["message"]
    for answer in refused:
        _check_wait(house, limit, keys[0], answer, before)
    assert len(house.usage(keys[0].account)) == FITS
    assert house.balance(keys[0].account).balance == 1000 * 10**9 - FITS * CAP * TOKEN


def test_a_place_is_free_again_when_its_call_has_ended(house: House) -> None:
    key = house.key(limits={"concurrent": 3})
    for _ in range(2):
        assert statuses(house.fire([key] * 8).wait(answered=5, reached=3).finish()) == {200: 3, 429: 5}
    assert house.buckets(key.id)["concurrent"] == (0, 0)


def test_tokens_that_were_not_used_are_there_again(house: House) -> None:
    most = LIMITS["tokens_per_minute"]
    key = house.key(limits={"tokens_per_minute": most})
    assert statuses(house.fire([key] * FITS).wait(answered=0, reached=FITS).finish()) == {200: FITS}
    left = most - FITS * USED
    more = left // BOUND
    answers = house.fire([key] * 9).wait(answered=9 - more, reached=more).finish()
    assert statuses(answers) == {200: more, 429: 9 - more}
    assert house.buckets(key.id)["tokens"] == ((FITS + more) * USED, 0)


@pytest.mark.parametrize("limit", ["requests_per_minute", "tokens_per_minute"])
def test_a_call_after_the_wait_passes(house: House, limit: str) -> None:
    """Not the time is moved on, but the window back by it."""
    key = house.key(limits={limit: 1})
    assert house.call(key).status == 200
    refused = house.call(key)
    assert refused.status == 429
    wait_s = int(refused.headers["retry-after"])
    _move_windows(house, key, -(wait_s - 2))
    early = house.call(key)
    assert (early.status, early.headers["retry-after"] in ("1", "2")) == (429, True)
    _move_windows(house, key, -2)
    assert house.call(key).status == 200


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_an_answer_tells_what_is_left(house: House, stream: bool) -> None:
    key = house.key(limits={"requests_per_minute": 3, "tokens_per_minute": 1000})
    set_limits(house.database, Subject("account", key.account), {"requests_per_minute": 2})
    first, second = house.call(key, stream=stream), house.call(key, stream=stream)
    assert _left(first) == {"limit-requests": "3", "remaining-requests": "2", "limit-tokens": "1000",
                            "remaining-tokens": str(1000 - BOUND)}  # fmt: skip
    assert _left(second)["remaining-requests"] == "1"
    assert _left(second)["remaining-tokens"] == str(1000 - BOUND - USED)
    assert 50 < _seconds(second.headers["x-ratelimit-reset-requests"]) < 60
    assert _seconds(first.headers["x-ratelimit-reset-requests"]) <= 60
    third = house.call(key, stream=stream)
    assert third.status == 429
    assert "account" in third.error["message"]


def test_a_call_that_can_never_pass_is_not_told_to_wait(house: House) -> None:
    for limits in ({"requests_per_minute": 0}, {"spend_per_day": CAP * TOKEN - 1}, {"concurrent": 0}):
        refused = house.call(house.key(limits=limits), max_tokens=CAP)
        assert refused.status == 429
        assert "retry-after" not in refused.headers, refused.error
        assert refused.headers["x-should-retry"] == "false"
        assert "retry after" not in refused.error["message"].lower()


def test_a_call_above_the_limit_of_tokens_passes_alone(house: House) -> None:
    key = house.key(limits={"tokens_per_minute": 20})
    volley = house.fire([key] * 4, max_tokens=CAP).wait(answered=3, reached=1)
    assert statuses(volley.finish()) == {200: 1, 429: 3}


def _limited(house: House, whose: str, limits: dict[str, int]) -> list[TestKey]:
    """One key where the limit holds for each key, else three of one account, in a tier of their own."""
    tier = uuid4().hex if whose in TIERS else ""
    account = house.account("1000", tier=tier)
    keys = [house.key(account) for _ in range(1 if whose in ("key", "tier") else 3)]
    name = {"key": keys[0].id, "account": account}.get(whose, tier)
    set_limits(house.database, Subject(whose, name), limits)
    return keys


def _turns(keys: Sequence[TestKey]) -> list[TestKey]:
    return [keys[number % len(keys)] for number in range(FIRED)]


def _noun(whose: str) -> str:
    return "account" if "account" in whose else "key"


def _check_wait(house: House, limit: str, key: TestKey, answer: Answered, before: float) -> None:
    """The wait ends with the window, to the second, whichever moment it was told at."""
    wait_s = int(answer.headers["retry-after"])
    if limit == "concurrent":
        assert wait_s == 1
        return
    ends = _window_ends(house, limit, key, before)
    assert ends <= before + wait_s, "a call after the wait would be refused"
    assert before - 10 + wait_s - 1 < ends, "the wait is longer than needed"
    unit = BUCKETS[limit]
    if unit in ("requests", "tokens"):
        assert answer.headers[f"x-ratelimit-limit-{unit}"] == str(LIMITS[limit])
        left = {"requests": 0, "tokens": BOUND - 1}[unit]
        assert answer.headers[f"x-ratelimit-remaining-{unit}"] == str(left)
        assert wait_s - 1 <= _seconds(answer.headers[f"x-ratelimit-reset-{unit}"]) <= wait_s <= 60


def _window_ends(house: House, limit: str, key: TestKey, at: float) -> float:
    today = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if limit == "spend_per_day":
        return (today + timedelta(days=1)).timestamp()
    if limit == "spend_per_month":
        return (today.replace(day=1) + timedelta(days=32)).replace(day=1).timestamp()
    sql = "SELECT window_start FROM buckets WHERE id LIKE ? OR id LIKE ?"
    (row,) = house.rows(sql, f"%:{BUCKETS[limit]}:key:{key.id}", f"%:{BUCKETS[limit]}:account:{key.account}")
    return float(row["window_start"]) / 1000 + 60


def _move_windows(house: House, key: TestKey, seconds: int) -> None:
    house.write("UPDATE buckets SET window_start = window_start + ? WHERE id LIKE ?", seconds * 1000, f"%:{key.id}")


def _seconds(duration: str) -> float:
    """Of ``1m2.5s``."""
    minutes, _, seconds = duration.removesuffix("s").rpartition("m")
    return 60 * int(minutes or 0) + float(seconds)


def _left(answer: Answered) -> dict[str, str]:
    found = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}
    return {name.removeprefix("x-ratelimit-"): value for name, value in found.items() if "reset" not in name}
