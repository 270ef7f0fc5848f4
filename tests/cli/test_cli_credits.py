"""``router credits``, ``router ledger`` and ``router audit``."""

from __future__ import annotations

import sqlite3
import time

import pytest
from stored_usage import insert_usage

from router.ledger.system import REVENUE
from router.ledger.transfers import Transfer, post
from router.store.opening import open_database
from router.types.records import CallRecord

pytestmark = pytest.mark.slow


@pytest.fixture
def account(router) -> str:
    return str(router.json("accounts", "create", "Ours")["id"])


def money(router, account: str) -> tuple[str, str, str]:
    shown = router.json("accounts", "show", account)
    return shown["balance"], shown["held"], shown["available"]


def test_a_set_up_gateway_has_a_little_labelled_credit(router) -> None:
    first = router.first["account"]
    assert money(router, first) == ("5", "0", "5")
    (line,) = router.json("credits", "statement", first)
    assert (line["kind"], line["amount"], line["balance"], line["reason"]) == ("grant", "5", "5", "starting credit")
    assert line["reference"] == f"grant:init:{first}"


def test_credit_is_granted_adjusted_and_listed(router, account: str) -> None:
    made = router.json(
        "credits", "grant", account, "2.50", "--reason", "welcome", "--reference", "w", "--currency", "USD"
    )
    assert (made["transfer"], made["amount"], made["balance"], made["available"]) == ("grant:w", "2.5", "2.5", "2.5")
    assert router.json("credits", "adjust", account, "-1.2", "--reason", "typing error")["balance"] == "1.3"
    assert router("credits", "adjust", "--reason", "x", "--", account, "-0.3").status == 0
    assert router.json("credits", "adjust", account, "+0.000000001", "--reason", "a nano")["balance"] == "1.000000001"
    assert money(router, account) == ("1.000000001", "0", "1.000000001")
    lines = router.json("credits", "statement", account)
    assert [(line["amount"], line["balance"]) for line in lines] == [
        ("0.000000001", "1.000000001"),
        ("-0.3", "1"),
        ("-1.2", "1.3"),
        ("2.5", "2.5"),
    ]
    page = router.json("credits", "statement", account, "--limit", "2", "--before", str(lines[1]["seq"]))
    assert page == lines[2:]
    shown = router("credits", "statement", account, "--limit", "1")
    assert "a nano" in shown.out
    assert f"--before {lines[0]['seq']}" in shown.err
    assert router.json("ledger", "verify")["ok"] is True


BAD_AMOUNTS = [
    "-5",
    "0",
    "NaN",
    "nan",
    "inf",
    "-Infinity",
    "1e3",
    "0.0000000001",
    "1000000001",
    "9" * 30,
    "1,5",
    "",
    "½",
]


WELL_FORMED = ("0", "1000000001")  # and refused all the same


def status_of(amount: str) -> int:
    return 1 if amount in WELL_FORMED else 2


@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_bad_amount_is_refused_and_nothing_is_written(router, account: str, amount: str) -> None:
    said = router.refused("credits", "grant", account, amount, "--reason", "bad", status=status_of(amount))
    assert "amount" in said or "above" in said
    if amount != "-5":
        router.refused("credits", "adjust", account, amount, "--reason", "bad", status=status_of(amount))
    assert money(router, account) == ("0", "0", "0")
    assert router.json("credits", "statement", account) == []
    assert router.json("audit", "show", "--action", "credits") == []


def test_other_bad_input_is_refused(router, account: str) -> None:
    assert "no account 'acct_none'" in router.refused("credits", "grant", "acct_none", "5", "--reason", "x")
    assert "no account 'acct_none'" in router.refused("credits", "statement", "acct_none")
    assert "all balances are in USD" in router.refused(
        "credits", "grant", account, "5", "--reason", "x", "--currency", "EUR"
    )
    assert "A reason must" in router.refused("credits", "grant", account, "5", "--reason", " ")
    assert "--reason" in router.refused("credits", "grant", account, "5", status=2)
    router.refused("credits", "grant", account, "5", "--reason", "x", "--curency", "USD", status=2)
    router.json("credits", "grant", account, "5", "--reason", "x", "--reference", "once")
    said = router.refused("credits", "grant", account, "5", "--reason", "x", "--reference", "once")
    assert "reference 'grant:once' already" in said
    assert "5 available: 6 cannot be taken" in router.refused("credits", "adjust", account, "-6", "--reason", "x")
    assert "Nothing was charged" in router.refused("credits", "refund", "req_none", "--reason", "x")
    assert money(router, account) == ("5", "0", "5")


def charge(router, account: str, request: str, amount_nano: int) -> None:
    """A call that was served and charged."""
    database = open_database(f"sqlite:///{router.folder / 'router.db'}", router.folder)
    row = CallRecord(
        request, time.time(), "chat", account, "key_1", "echo/echo", "echo", "echo", 200, "ok", "", False,
        1, 1, 0, 0, False, 1, None, charge_nano=amount_nano,
    )  # fmt: skip
    transfer = Transfer(f"req:{request}", "usage", account, REVENUE, amount_nano, "echo/echo")
    database.write(lambda connection: (post(connection, transfer), insert_usage(connection, [row])))
    database.close()


def test_a_refund_is_of_a_charge_and_no_more_than_it(router, account: str) -> None:
    router.json("credits", "grant", account, "5", "--reason", "x")
    charge(router, account, "req_1", 2_000_000_001)
    before = router.json("credits", "statement", account)
    for amount in BAD_AMOUNTS:
        router.refused("credits", "refund", "req_1", amount, "--reason", "x", status=status_of(amount))
    for amount in ("2.000000002", "5"):
        router.refused("credits", "refund", "req_1", amount, "--reason", "x")
    assert "at most 2.000000001 can be refunded, not 3" in router.refused(
        "credits", "refund", "req_1", "3", "--reason", "x"
    )
    assert "all balances are in USD" in router.refused(
        "credits", "refund", "req_1", "1", "--reason", "x", "--currency", "EUR"
    )
    assert router.json("credits", "statement", account) == before
    assert router.json("credits", "refund", "req_1", "2", "--reason", "slow")["balance"] == "4.999999999"
    router.refused("credits", "refund", "req_1", "0.000000002", "--reason", "x")
    assert router.json("credits", "refund", "req_1", "--reason", "the rest")["amount"] == "0.000000001"
    assert "nothing left to refund" in router.refused("credits", "refund", "req_1", "--reason", "x")
    assert money(router, account) == ("5", "0", "5")
    assert len(router.json("audit", "show", "--action", "credits refund")) == 2
    assert router.json("ledger", "verify")["ok"] is True


def test_a_failed_check_is_named_and_is_status_1(router) -> None:
    with sqlite3.connect(router.folder / "router.db") as database:
        database.execute("UPDATE balances SET credits = credits + 1")
    database.close()
    run = router("ledger", "verify", "--json")
    assert run.status == 1
    assert run.value["ok"] is False
    assert run.value["failed"] == ["debits_equal_credits", "balances_equal_transfers"]
    checks = {check["name"]: check for check in run.value["checks"]}
    assert router.first["account"] in checks["balances_equal_transfers"]["detail"]
    assert checks["references_unique"]["ok"] is True
    text = router("ledger", "verify")
    assert text.status == 1
    assert "failed: debits_equal_credits, balances_equal_transfers" in text.err


def hold(router, request: str, expires_at: float) -> None:
    with sqlite3.connect(router.folder / "router.db") as database:
        account = router.first["account"]
        database.execute(
            "INSERT INTO holds VALUES (?, ?, 'key_1', 'wrk_dead', 'm', 'chat', FALSE, 1000000000, '[]', 1.0, ?, '')",
            (request, account, expires_at),
        )
        database.execute("UPDATE balances SET held = held + 1000000000 WHERE account_id = ?", (account,))
    database.close()


def test_a_sweep_ends_expired_calls_and_those_of_dead_workers(router) -> None:
    hold(router, "req_expired", 2.0)
    hold(router, "req_orphan", 4e9)
    assert money(router, router.first["account"]) == ("5", "2", "3")
    swept = router.json("ledger", "sweep")
    assert [one["request_id"] for one in swept["ended"]] == ["req_expired"]
    assert swept["refused"] == []
    run = router("ledger", "sweep", "--all")
    assert "req_orphan" in run.out
    assert router.json("ledger", "sweep", "--all") == {"ended": [], "refused": []}
    assert money(router, router.first["account"]) == ("5", "0", "5")
    rows = router.json("usage", "show")
    assert {(row["request_id"], row["ending"], row["status"], row["error_code"]) for row in rows} == {
        ("req_expired", "expired", 500, "call_expired"),
        ("req_orphan", "expired", 500, "call_expired"),
    }
    assert router.json("ledger", "verify")["ok"] is True


def test_every_change_is_audited_with_who_what_and_how(router) -> None:
    account = router.json("accounts", "create", "Ours", env={"ROUTER_ACTOR": "Ada"})["id"]
    router.json("credits", "grant", account, "5", "--reason", "welcome", "--reference", "w")
    key = router.json("keys", "create", "--account", account, "--name", "laptop")
    router.json("keys", "revoke", key["id"])
    router.json("models", "alias", "fast", "echo/echo")
    router.json("keys", "list")
    entries = router.json("audit", "show")
    assert [entry["action"] for entry in entries] == [
        "models alias",
        "keys revoke",
        "keys create",
        "credits grant",
        "accounts create",
        "init",
    ]
    by_action = {entry["action"]: entry for entry in entries}
    assert by_action["init"]["subject"] == router.first["account"]
    created = by_action["accounts create"]
    assert (created["actor"], created["subject"], created["detail"]) == ("Ada", account, {"name": "Ours"})
    granted = by_action["credits grant"]
    assert granted["subject"] == account
    assert granted["detail"] == {
        "account": account,
        "amount": "5",
        "reason": "welcome",
        "reference": "w",
        "made": "grant:w",
    }
    assert granted["actor"] not in ("", "Ada")
    assert (by_action["keys create"]["subject"], by_action["keys create"]["detail"]) == (
        key["id"],
        {"account": account, "name": "laptop"},
    )
    assert by_action["keys revoke"]["subject"] == key["id"]
    assert by_action["models alias"]["subject"] == "fast"
    assert [entry["action"] for entry in router.json("audit", "show", "--action", "keys")] == [
        "keys revoke",
        "keys create",
    ]
    assert [entry["action"] for entry in router.json("audit", "show", "--subject", key["id"], "--limit", "1")] == [
        "keys revoke"
    ]
    assert router.json("audit", "show", "--before", str(by_action["credits grant"]["seq"]))[0] == created
    assert "keys revoke" in router("audit", "show").out


def test_no_secret_is_audited(router) -> None:
    master = {"ROUTER_MASTER_KEY": "m" * 44}
    account = router.first["account"]
    router("providers", "set-key", "openai", stdin="sk-provider-secret-0123456789\n", env=master)
    made = router.json("keys", "create", "--account", account, "--name", "was sk-abcdefghijklmnop1234")
    rotated = router.json("keys", "rotate", made["id"])
    router.refused("keys", "revoke", made["api_key"])
    router.json("credits", "grant", account, "1", "--reason", f"for {rotated['api_key']}")
    kept = (router.folder / "router.db").read_bytes()
    log = router("audit", "show", "--json").out
    for secret in ("sk-provider", "sk-abcdef", made["api_key"], rotated["api_key"]):
        assert secret not in log
    assert made["api_key"].encode() not in kept
    assert "***" in log


def test_the_currency_of_money_that_has_moved_is_not_another(router) -> None:
    account = router.first["account"]
    assert router.json("credits", "grant", account, "1", "--reason", "x")["currency"] == "USD"
    text = router.config.read_text(encoding="utf-8")
    router.config.write_text(text.replace('#currency = "USD"', 'currency = "EUR"'), encoding="utf-8")
    for command in (["credits", "grant", account, "1", "--reason", "y"], ["routes", "explain", "echo/echo"]):
        refused = router.refused(*command)
        assert "currency: the balances in the database are in USD, not in EUR" in refused and "line " in refused
    router.config.write_text(text, encoding="utf-8")
    assert money(router, account) == ("6", "0", "6")
