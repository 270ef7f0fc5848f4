"""A third party's payment method through the gateway's own doors: notices by HTTP, commands, and the ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bank import Bank, notice, send
from box_kit import begin

from router.testing import CommandFailed, Gateway

pytestmark = pytest.mark.slow


def account_of(box: Gateway, name: str) -> str:
    return str(box.router("accounts", "create", name)["id"])


def shown(box: Gateway, account: str) -> dict[str, Any]:
    return dict(box.router("accounts", "show", account))


def test_a_notice_is_booked_before_it_is_answered_and_once(box: Gateway, bank: Bank, box_site: None) -> None:
    account = account_of(box, "once")
    row = begin(box, account, "12.50")
    assert row.url == f"{bank.url}/pay/{row.reference}"
    paid = bank.pays(row.reference)
    body, headers = notice(paid, id="evt_1")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: send(box.port, body, headers), range(20)))
    assert {status for status, _ in answers} == {200} and json.loads(answers[0][1]) == {"received": True}
    for number in range(10):
        assert send(box.port, *notice(paid, id=f"evt_other_{number}"))[0] == 200
    found = shown(box, account)
    assert (found["balance"], found["paid"], found["granted"]) == ("12.5", "12.5", "0")
    told = box.router("topups", "show", row.id)
    assert told["state"] == "paid" and [one["kind"] for one in told["facts"]] == ["paid"]
    assert box.router("ledger", "verify")["ok"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{}", {}),
        (b"{}", {"x-box-signature": "\xff\xfe"}),
        (b"", {"x-box-signature": ""}),
        (b"\xff\xfe not text", {"x-box-signature": "00"}),
        notice({"fact": "paid"}, id="evt_w", secret="another"),
        notice({"fact": "paid"}, id="evt_x"),
        notice({"fact": "nothing"}, id="evt_y"),
        (b"x" * (2**20 + 1), {"x-box-signature": "00"}),
    ],
    ids=["unsigned", "non-ascii", "empty", "no text", "other secret", "lacks all", "unknown", "huge"],
)
def test_what_is_not_proved_or_not_read_is_no_server_error(box: Gateway, body: bytes, headers: dict[str, str]) -> None:
    status, answer = send(box.port, body, headers)
    assert status in (400, 413), answer
    assert b"Traceback" not in answer and b"box-secret" not in answer


def test_a_notice_that_does_not_fit_is_kept_and_settled_by_hand(box: Gateway, bank: Bank, box_site: None) -> None:
    account = account_of(box, "odd")
    row = begin(box, account, "5")
    wrong = {**bank.pays(row.reference), "amount": 1}
    bank.facts.pop()
    assert send(box.port, *notice(wrong, id="evt_wrong"))[0] == 200
    [refused] = [one for one in box.router("payments", "facts", "--state", "refused") if one["topup"] == row.id]
    assert "0.01 USD was paid" in refused["why"]
    assert "evt_wrong" in {one["id"] for one in box.router("payments", "events")}
    settled = ("topups", "settle", row.id, "--reference", "seen", "--reason", "the bank called")
    assert box.router(*settled)["state"] == "paid"
    with pytest.raises(CommandFailed, match="paid before"):
        box.router(*settled)
    assert shown(box, account)["paid"] == "5"


def test_refunds_deposits_and_disputes_by_command_and_notice(box: Gateway, bank: Bank, box_site: None) -> None:
    account = account_of(box, "back")
    row = begin(box, account, "20")
    assert send(box.port, *notice(bank.pays(row.reference), id=f"evt_{row.id}"))[0] == 200
    made = box.router("topups", "refund", row.id, "7.25", "--reason", "sorry")
    assert (made["state"], made["amount"]) == ("done", "7.25 USD")
    with pytest.raises(CommandFailed, match=r"12\.75 USD can be refunded"):
        box.router("topups", "refund", row.id, "13", "--reason", "sorry")
    dispute = {"fact": "dispute", "reference": "du_1", "payment": row.reference, "amount": 2000, "currency": "USD"}
    for number, stage in enumerate(("opened", "withdrawn")):
        assert send(box.port, *notice({**dispute, "stage": stage}, id=f"evt_d{number}"))[0] == 200
    found = shown(box, account)
    assert (found["status"], found["balance"], found["owed"], found["frozen_by"]) == (
        "suspended",
        "0",
        "7.25",
        ["du_1"],
    )
    recorded = box.router("topups", "record", account, "10", "--reference", "w1", "--reason", "wire")
    assert recorded["state"] == "paid" and shown(box, account)["balance"] == "2.75"
    assert box.router("ledger", "verify")["ok"]


def test_the_books_are_compared_with_the_bank(box: Gateway, bank: Bank) -> None:
    told = box.router("ledger", "verify", "--against", "moneybox")
    assert told["ok"], told
    bank.has({"fact": "paid", "reference": "ses_lost", "topup": "top_lost", "amount": 100, "currency": "USD"})
    with pytest.raises(CommandFailed) as failed:
        box.router("ledger", "verify", "--against", "moneybox")
    bank.facts.pop()
    assert failed.value.exit_code == 1
    checked = box.router("payments", "check", "moneybox")
    assert checked["ok"] and checked["checks"][0]["found"] == "it answers"
    [listed] = box.router("payments", "list")
    assert (listed["method"], listed["state"], listed["title"]) == ("moneybox", "on", "Moneybox")


def test_payments_are_run_from_elsewhere(box: Gateway, bank: Bank, box_site: None, tmp_path: Path) -> None:
    key = str(box.router("keys", "create", "--operator", "--name", "ops")["api_key"])
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ROUTER_", "MONEYBOX_"))}

    def there(*arguments: str, status: int = 0) -> Any:
        """What a command says on a machine that knows neither the bank nor its secret."""
        command = [sys.executable, "-m", "router", "--remote", box.url, *arguments, "--json"]
        told = {"env": {**environ, "ROUTER_REMOTE_KEY": key}, "cwd": tmp_path, "timeout": 120, "check": False}
        done: Any = subprocess.run(command, capture_output=True, text=True, **told)  # type: ignore[call-overload]
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    assert there("payments", "check")["checks"][0]["found"] == "it answers"
    assert there("payments", "list") == box.router("payments", "list")
    assert there("ledger", "verify", "--against", "moneybox", "--since", "7d")["ok"]
    bank.has({"fact": "paid", "reference": "ses_gone", "topup": "top_gone", "amount": 100, "currency": "USD"})
    wrong = there("ledger", "verify", "--against", "moneybox", status=1)
    bank.facts.pop()
    assert not wrong["ok"] and "ses_gone" in wrong["differences"][0]
    row = begin(box, account_of(box, "away"), "20")
    assert send(box.port, *notice(bank.pays(row.reference), id="evt_away"))[0] == 200
    made = there("topups", "refund", row.id, "7.25", "--reason", "sorry")
    assert (made["state"], made["amount"]) == ("done", "7.25 USD")
    finer = there("topups", "refund", row.id, "0.001", "--reason", "sorry", status=1)
    assert "USD has 2 decimals" in finer["error"]["message"]
    assert there("topups", "show", row.id) == box.router("topups", "show", row.id)
    assert there("topups", "list", "--account", "away", "--state", "part_refunded")[0]["id"] == row.id
    assert there("payments", "events", "--limit", "1")[0]["id"] == "evt_away"
    unpaid = begin(box, row.account_id, "5")
    assert there("topups", "close", unpaid.id)["state"] == "expired"
    late = begin(box, row.account_id, "5")
    settled = there("topups", "settle", late.id, "--reference", "seen-far", "--reason", "the bank called")
    assert settled["state"] == "paid"
