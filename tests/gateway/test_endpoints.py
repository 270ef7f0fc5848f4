"""Endpoints of one provider: who gets the next call, who rests, and who probes. On a clock of the test's own."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from router import ProviderSettings, UpstreamError
from router.gateway.endpoints import Endpoints, Place


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def places(*weights: int, max_concurrent: int = 0) -> list[Place]:
    return [Place(f"p{n}", ProviderSettings(), weight, max_concurrent) for n, weight in enumerate(weights)]


def fail(endpoints: Endpoints, kind: str, retry_after_s: float | None = None) -> None:
    lease = endpoints.lease()
    assert lease is not None
    lease.failed(UpstreamError(kind, "down", retry_after_s=retry_after_s))
    lease.release()


def succeed(endpoints: Endpoints) -> None:
    lease = endpoints.lease()
    assert lease is not None
    lease.succeeded()
    lease.release()


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
    assert endpoints.places[0].rests_until == 0
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
        rests.append(endpoints.places[0].rests_until - clock.now)
        assert endpoints.lease() is None
        clock.now = endpoints.places[0].rests_until
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    succeed(endpoints)
    first, second = endpoints.lease(), endpoints.lease()
    assert first is not None and second is not None


def test_one_call_probes_and_the_others_wait_for_its_word(clock: Clock) -> None:
    endpoints = Endpoints("acme", places(1), clock=clock)
    fail(endpoints, "timeout")
    clock.now += 1
    probe = endpoints.lease()
    assert probe is not None and probe.probes
    assert endpoints.lease() is None
    probe.release()  # its client left: no word either way, so the next call probes
    again = endpoints.lease()
    assert again is not None and again.probes
    again.succeeded()
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

    def where(text: str) -> Place:
        lease = endpoints.lease(text)
        assert lease is not None
        lease.release()
        return lease.place

    homes = {f"conversation {n}": where(f"conversation {n}") for n in range(60)}
    assert len({place.name for place in homes.values()}) == 3
    assert all(where(text) is place for text, place in homes.items())
    resting = endpoints.places[0]
    resting.pause_s, resting.rests_until = 1.0, clock.now + 1
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
    tried: set[Place] = set()
    for _ in range(2):
        lease = endpoints.lease(None, tried)
        assert lease is not None
        tried.add(lease.place)
    assert endpoints.lease(None, tried) is None
