"""``router ledger sweep`` in the audit log: an entry where a call was ended, and none where nothing was due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from office_kit import ADA, entries

from router.ledger import sweep as sweeping
from router.ledger.operations import Hold
from router.office.ledger import sweep_calls
from router.office.office import Office

pytestmark = pytest.mark.slow

_HOLD = "INSERT INTO holds VALUES (?, ?, 'key_1', 'wrk_dead', 'm', 'chat', FALSE, 0, '[]', 1.0, ?, '')"
_FAR = 4e9  # Unix seconds


def hold(office: Office, account: str, id: str, expires_at: float) -> None:
    office.database.write(lambda connection: connection.execute(_HOLD, (id, account, expires_at)))


def actions(office: Office) -> list[str]:
    return [entry[0] for entry in entries(office) if entry[0] == "ledger sweep"]


@pytest.mark.parametrize("everything", [False, True])
def test_nothing_due_leaves_no_entry(office: Office, account: str, everything: bool) -> None:
    assert sweep_calls(office, ADA, everything=everything).ended == []
    assert actions(office) == []


def test_what_is_not_due_yet_leaves_none_either(office: Office, account: str) -> None:
    hold(office, account, "req_later", _FAR)
    assert sweep_calls(office, ADA).ended == []
    assert actions(office) == []
    assert [one.request_id for one in sweep_calls(office, ADA, everything=True).ended] == ["req_later"]
    assert actions(office) == ["ledger sweep"]


def test_a_sweep_that_somebody_else_forestalls_leaves_none(
    office: Office, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(office, account, "req_1", 2.0)
    read, forestalled = sweeping._next_batch, []

    def slow(database: Any, after: str) -> Sequence[Hold]:
        batch = read(database, after)
        if batch and not forestalled:
            forestalled.append(True)
            assert len(sweeping.sweep(office.database, _FAR, "void").ended) == 1
        return batch

    monkeypatch.setattr(sweeping, "_next_batch", slow)
    assert sweep_calls(office, ADA).ended == []
    assert forestalled and actions(office) == []
