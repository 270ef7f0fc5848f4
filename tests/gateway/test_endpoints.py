"""Endpoints of one provider: who gets the next call, who rests, and who probes. On a clock of the test's own."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from router import ProviderSettings, UpstreamError
from router.providers.endpoints import Endpoints
from router.providers.health import EndpointHealth, Lease


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def places(*weights: int, max_concurrent: int = 0) -> list[EndpointHealth]:
    return [EndpointHealth(f"p{n}", ProviderSettings(), weight, max_concurrent) for n, weight in enumerate(weights)]


def fail(
    endpoints: Endpoints,
    kind: str,
    retry_after_s: float | None = None,
    account: str = "",
    status: int | None = None,
    model: str = "",
) -> UpstreamError:
    lease = endpoints.lease(account=account, model=model)
    assert lease is not None
    error = UpstreamError(kind, "down", retry_after_s=retry_after_s, upstream_status=status)
    lease.failed(error)
    lease.release()
    return error


def succeed(endpoints: Endpoints, account: str = "") -> None:
    lease = endpoints.lease(account=account)
    assert lease is not None
    lease.answered()
    lease.release()


def is_open(endpoints: Endpoints, account: str = "", model: str = "") -> bool:
    """Whether a call would be made now."""
    lease = endpoints.lease(account=account, model=model)
    if lease is not None:
        lease.release()
    return lease is not None


def rests_until(endpoints: Endpoints, account: str = "") -> float:
    return max(breaker.open_until for breaker in endpoints.places[0].breakers("", account))


@pytest.mark.parametrize("kind", ["timeout", "rate_limit", "auth", "billing"])
def test_a_costly_failure_brings_rest_at_once(clock: Clock, kind: str) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, kind)
    assert endpoints.lease() is None
    assert endpoints.refusal().kind == kind


@pytest.mark.parametrize("kind", ["connection", "server", "overloaded", "malformed"])
def test_other_failures_bring_rest_when_there_are_three_in_a_row(clock: Clock, kind: str) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, kind)
    fail(endpoints, kind)
    succeed(endpoints)
    fail(endpoints, kind)
    fail(endpoints, kind)
    assert rests_until(endpoints) == 0
    fail(endpoints, kind)
    assert endpoints.lease() is None


@pytest.mark.parametrize("kind", ["bad_request", "not_found", "context_length", "content"])
def test_a_request_at_fault_says_nothing_against_the_endpoint(clock: Clock, kind: str) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, "server")
    fail(endpoints, "server")
    for _ in range(5):
        fail(endpoints, kind)
    fail(endpoints, "server")
    assert endpoints.lease() is not None


def test_rests_grow_while_probes_fail_and_end_when_one_succeeds(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    rests = []
    for _ in range(8):
        fail(endpoints, "timeout")
        rests.append(rests_until(endpoints) - clock.now)
        assert endpoints.lease() is None
        clock.now = rests_until(endpoints)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    succeed(endpoints)
    first, second = endpoints.lease(), endpoints.lease()
    assert first is not None and second is not None


def test_one_call_probes_and_the_others_wait_for_its_word(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, "timeout")
    clock.now += 1
    probe = endpoints.lease()
    assert probe is not None and probe.is_trial
    assert endpoints.lease() is None
    probe.release()  # its client left: no word either way, so the next call probes
    again = endpoints.lease()
    assert again is not None and again.is_trial
    again.answered()
    again.release()
    assert endpoints.lease() is not None


def test_a_rate_limit_is_kept_for_as_long_as_the_provider_asked(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, "rate_limit", retry_after_s=7)
    refusal = endpoints.refusal()
    assert (refusal.status, refusal.headers["Retry-After"]) == (429, "7")
    clock.now += 6.9
    assert endpoints.lease() is None
    clock.now += 0.2
    assert endpoints.lease() is not None


def test_load_follows_the_weights(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1, 3), clock=clock, chance=random.Random(7).random)
    counts: Counter[str] = Counter()
    for _ in range(4000):
        lease = endpoints.lease()
        assert lease is not None
        counts[lease.place.name] += 1
        lease.release()
    assert 0.70 < counts["p1"] / 4000 < 0.80


def test_related_calls_stay_together_and_move_only_when_their_endpoint_rests(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1, 1, 1), clock=clock)

    def where(text: str) -> EndpointHealth:
        lease = endpoints.lease(text)
        assert lease is not None
        lease.release()
        return lease.place

    homes = {f"conversation {n}": where(f"conversation {n}") for n in range(60)}
    assert len({place.name for place in homes.values()}) == 3
    assert all(where(text) is place for text, place in homes.items())
    resting = endpoints.places[0]
    resting.breaker.open("timeout", 1.0, clock.now, strict=True)
    for text, place in homes.items():
        assert (where(text) is place) == (place is not resting)


def test_a_full_endpoint_is_passed_over_and_all_full_is_a_refusal(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1, 1, max_concurrent=1), clock=clock)
    first, second = endpoints.lease(), endpoints.lease()
    assert first is not None and second is not None and first.place is not second.place
    assert endpoints.lease() is None
    refusal = endpoints.refusal()
    assert (refusal.kind, refusal.headers["Retry-After"]) == ("overloaded", "1")
    first.release()
    first.release()
    assert endpoints.lease() is not None
    assert endpoints.lease() is None


def test_a_place_that_was_tried_is_not_given_again(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1, 1), clock=clock)
    tried: set[EndpointHealth] = set()
    for _ in range(2):
        lease = endpoints.lease(None, tried)
        assert lease is not None
        tried.add(lease.place)
    assert endpoints.lease(None, tried) is None


def begin(endpoints: Endpoints, model: str = "") -> Lease:
    lease = endpoints.lease(model=model)
    assert lease is not None
    return lease


def test_calls_that_fail_together_count_as_one(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    burst = [begin(endpoints) for _ in range(20)]
    for lease in burst:
        lease.failed(UpstreamError("timeout", "down"))
        lease.release()
    assert rests_until(endpoints) == clock.now + 1


def test_what_began_before_a_rest_neither_ends_nor_lengthens_it(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    lucky, late = begin(endpoints), begin(endpoints)
    fail(endpoints, "billing")
    lucky.answered()
    lucky.release()
    assert endpoints.lease() is None
    clock.now += 31
    succeed(endpoints)
    late.failed(UpstreamError("timeout", "down"))
    late.release()
    assert endpoints.lease() is not None


def test_one_slow_call_among_good_ones_is_no_outage(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    slow = begin(endpoints)
    clock.now += 5
    succeed(endpoints)
    slow.failed(UpstreamError("timeout", "down"))
    slow.release()
    assert endpoints.lease() is not None


@pytest.mark.parametrize("kind", ["connection", "server", "overloaded", "malformed"])
def test_a_failure_that_took_long_is_not_for_the_next_caller_too(clock: Clock, kind: str) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    lease = begin(endpoints)
    clock.now += 5
    lease.failed(UpstreamError(kind, "down"))
    lease.release()
    assert endpoints.lease() is None


def test_a_rate_limit_is_the_models_own(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    limited = begin(endpoints, "large")
    limited.failed(UpstreamError("rate_limit", "slow down", retry_after_s=7))
    limited.release()
    assert endpoints.lease(model="large") is None
    assert endpoints.refusal("large").headers["Retry-After"] == "7"
    begin(endpoints, "small").release()
    clock.now += 7
    probe = begin(endpoints, "large")
    assert endpoints.lease(model="large") is None
    probe.answered()
    assert endpoints.lease(model="large") is not None
    assert not endpoints.places[0].by_model


def test_models_whose_limit_is_over_are_forgotten(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    for number in range(3000):
        lease = begin(endpoints, f"model {number}")
        lease.failed(UpstreamError("rate_limit", "slow down"))
        lease.release()
        clock.now += 0.01
    assert len(endpoints.places[0].by_model) <= 1000


def test_streams_that_break_after_their_output_bring_rest_as_well(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    for _ in range(3):
        lease = begin(endpoints)
        lease.answered()
        lease.failed(UpstreamError("connection", "cut"))
        lease.release()
    assert endpoints.lease() is None


@pytest.mark.parametrize(
    ("kind", "status"),
    [("timeout", None), ("auth", 403), ("billing", 402), ("rate_limit", 429), ("server", 500), ("connection", None)],
)
def test_what_one_account_meets_is_not_taken_from_others(clock: Clock, kind: str, status: int | None) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    for _ in range(3):
        fail(endpoints, kind, 3600 if status == 429 else None, "greedy", status)
        clock.now = max(clock.now, rests_until(endpoints, "greedy"))
    fail(endpoints, kind, None, "greedy", status)
    assert not is_open(endpoints, "greedy")
    assert is_open(endpoints, "other")
    succeed(endpoints, "other")
    assert not is_open(endpoints, "greedy")


@pytest.mark.parametrize(("kind", "status"), [("timeout", None), ("billing", 402), ("auth", 403), ("rate_limit", 429)])
def test_a_second_account_that_meets_it_confirms_it_for_all(clock: Clock, kind: str, status: int | None) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, kind, None, "first", status, "m")
    fail(endpoints, kind, None, "second", status, "m")
    assert not is_open(endpoints, "third", "m")
    assert is_open(endpoints, "third", "another model") is (status in (403, 429))


def test_a_good_answer_in_between_clears_the_endpoint(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, "timeout", None, "first")
    succeed(endpoints, "second")
    fail(endpoints, "timeout", None, "second")
    assert is_open(endpoints, "third")


@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_key_is_known_at_once(clock: Clock, status: int) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, "auth", None, "first", status)
    assert not is_open(endpoints, "second")


def test_a_long_wait_is_kept_once_it_is_confirmed_and_told_as_it_is_kept(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    assert fail(endpoints, "rate_limit", 86_400).headers["Retry-After"] == "60"
    assert endpoints.refusal().headers["Retry-After"] == "60"
    clock.now += 60
    assert fail(endpoints, "rate_limit", 86_400).headers["Retry-After"] == "3600"
    assert endpoints.refusal().headers["Retry-After"] == "3600"


def test_accounts_that_met_failures_are_forgotten(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    for number in range(3000):
        fail(endpoints, "server", None, f"acc_{number}")
        succeed(endpoints, f"other_{number}")
    assert len(endpoints.places[0].by_account) <= 1000
    succeed(endpoints, "acc_2999")
    assert ("acc_2999", "") not in endpoints.places[0].by_account
