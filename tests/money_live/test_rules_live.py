"""Limits and policies of the configuration, taken away and set again in the middle of a period."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from money_wire import TOKEN, House, nano, open_house

pytestmark = pytest.mark.slow

CAP = 10
LIMITED: dict[str, Any] = {"limits": {"spend_per_month": nano(10 * CAP)}}
UNCOUNTED: dict[str, dict[str, Any]] = {
    "no limit": {},
    "no policy": LIMITED | {"gateway": {"rate_limit": "none"}},
}


@pytest.mark.parametrize("between", UNCOUNTED)
def test_what_was_spent_while_nothing_counted_counts_when_the_limit_is_back(tmp_path: Path, between: str) -> None:
    """No command says that anything has changed: the file alone does."""
    with open_house(tmp_path, f"sqlite:///{tmp_path / 'router.db'}", workers=1) as house:
        plain = house.gateways[0].config_path.read_text()
        _serve(house, plain, LIMITED)
        key = house.key()
        assert house.call(key, max_tokens=CAP).status == 200
        _serve(house, plain, UNCOUNTED[between])
        for _ in range(9):
            assert house.call(key, max_tokens=CAP).status == 200
        _serve(house, plain, LIMITED)
        refused = house.call(key, max_tokens=CAP)
        assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded"), refused.error
        assert house.call(house.key(), max_tokens=CAP).status == 200, "others have spent nothing"
        _serve(house, plain, LIMITED)
        assert house.call(key, max_tokens=CAP).status == 429
        assert house.balance(key.account).balance == 1000 * 10**9 - 10 * CAP * TOKEN
        house.verify()


def _serve(house: House, text: str, config: dict[str, Any]) -> None:
    gateway = house.gateways[0]
    gateway.stop()
    gateway.config_path.write_text(text)
    gateway.configure(config)
    gateway.start(60)
