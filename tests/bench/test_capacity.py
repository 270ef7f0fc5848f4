"""Nodes on one PostgreSQL, simulated: little load waits for its own batch; too much is served as far as it goes."""

from __future__ import annotations

import pytest

from bench.capacity import BatchCost, simulate

COST = BatchCost(0.002, 0.00005)


def test_little_load_waits_for_its_own_batch_alone() -> None:
    found = simulate(5, 4, COST, seconds=50)
    assert found.served == pytest.approx(5, rel=0.01)
    assert found.p50_ms == pytest.approx(2.05, rel=0.05) and found.batch == 1 and found.busy < 0.05


def test_more_load_makes_larger_batches_and_no_less_is_served() -> None:
    runs = [simulate(rate, 4, COST) for rate in (100, 1000, 4000)]
    assert [one.batch for one in runs] == sorted(one.batch for one in runs)
    assert all(one.served == pytest.approx(one.calls, rel=0.02) for one in runs)


def test_what_is_served_ends_where_the_database_is_busy_all_the_time() -> None:
    """An operation takes 50 microseconds in the largest of batches, and a call has two."""
    found = simulate(40_000, 2, COST, seconds=2)
    assert found.busy > 0.99 and found.served < 10_000 < found.calls
    assert found.p99_ms > found.p50_ms > 100


def test_fewer_workers_share_larger_batches() -> None:
    assert simulate(5000, 2, COST).p50_ms < simulate(5000, 32, COST).p50_ms
