"""IDs that we give."""

from __future__ import annotations

import re
import time

import pytest

from router.db import ids as names
from router.db.ids import new_request_id


def test_request_ids_are_in_order_of_time_and_all_different(monkeypatch: pytest.MonkeyPatch) -> None:
    before = time.time_ns() // 1_000_000
    made = [new_request_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert len(set(made)) == 1000
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", one) for one in made)
    assert all(before <= int(one[4:15], 16) <= after for one in made)
    monkeypatch.setattr(names.time, "time_ns", lambda: (after + 1) * 1_000_000)
    assert new_request_id() > max(made)
