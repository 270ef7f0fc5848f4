"""``router ledger verify --against``: the books of a payment method against what it says itself."""

from __future__ import annotations

from typing import Any


def test_a_method_that_is_not_there_is_named(router: Any) -> None:
    run = router("ledger", "verify", "--against", "nobody")
    assert run.status == 1 and "nobody" in run.err


def test_it_is_asked_from_this_machine_alone(router: Any) -> None:
    run = router("--remote", "http://127.0.0.1:9", "ledger", "verify", "--against", "evm")
    assert run.status == 2 and "leave --remote out" in run.err
