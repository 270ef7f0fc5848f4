"""``router ledger verify --against``: the books of a payment method against what it says itself."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_a_method_that_is_not_there_is_named(router: Any) -> None:
    run = router("ledger", "verify", "--against", "nobody")
    assert run.status == 1 and "nobody" in run.err


def test_a_time_without_a_method_is_refused(router: Any) -> None:
    run = router("ledger", "verify", "--since", "7d")
    assert run.status == 1 and "goes with" in run.err
