"""A SQLite log that is removed under a running gateway: noticed, told, and nothing of it lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from crash_wire import Crowd, check_books, clear_holds
from money_wire import House, TestKey, open_house
from waiting import until

from router.store.opening import open_database

pytestmark = pytest.mark.slow


def problems(house: House, key: TestKey) -> list[str]:
    """What keeps the worker that answers from serving."""
    found: list[str] = json.loads(house.get("/readyz", key).body)["problems"]
    return found


def test_a_log_that_is_removed_under_load_is_told_and_loses_no_call(tmp_path: Path) -> None:
    """Also when power fails afterwards: both what was in the removed log and what came after is in the books."""
    url = f"sqlite:///{tmp_path / 'router.db'}"
    with open_house(tmp_path, url, workers=2) as house:
        gateway, key, crowd = house.gateways[0], house.key(), Crowd(house)
        house.database.close()  # it would hold the log open as well
        with crowd:
            crowd.wait_for(20)
            (tmp_path / "router.db-wal").unlink()
            until(lambda: problems(house, key) == ["the database's log was removed while in use"])
            crowd.wait_for(20)
            gateway.kill()
        # 503 need not come: calls that the journal has already wait until the gateway serves again.
        assert crowd.statuses().keys() <= {0, 200, 503}
        gateway.start()
        house.database = open_database(url, tmp_path)
        clear_holds(house, crowd.account)
        check_books(house, crowd)
        house.verify()
        house.database.close()
        assert gateway.log_path.read_text().count("What it held was saved: nothing is lost.") >= 1


def test_it_is_told_where_nobody_calls(tmp_path: Path) -> None:
    with open_house(tmp_path, f"sqlite:///{tmp_path / 'router.db'}", workers=1) as house:
        house.database.close()
        (tmp_path / "router.db-wal").unlink()
        until(lambda: "nothing is lost" in house.gateways[0].log_path.read_text())
