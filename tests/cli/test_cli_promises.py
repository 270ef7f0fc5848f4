"""What docs/cli.md promises of every command: one JSON document, plain words, exit codes; and money as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LOUD = """
import os
from router import hookimpl

print("printed at import")

class Loud:
    @hookimpl
    def startup(self, context):
        pass

    @hookimpl
    def register_commands(self, cli):
        print("printed while commands are asked for")
        @cli.command("loud")
        def loud():
            raise RuntimeError("broken inside")

plugin = Loud()
"""


def test_json_is_one_document_whatever_a_plugin_prints(router, install, tmp_path: Path) -> None:
    install(tmp_path / "site", "router-loud", "loud", LOUD)
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "ROUTER_CONFIG": str(router.config)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "router", "--json", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True)

    listed = run("plugins", "list")
    assert "loud" in [row["name"] for row in json.loads(listed.stdout)]
    assert "printed at import" in listed.stderr
    broken = run("loud")
    assert (broken.returncode, json.loads(broken.stdout)["error"]["code"]) == (1, "internal")
    assert "broken inside" in broken.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["keys", "show", "a", "b"], "more arguments than there is use for: b"),
        (["keys", "create"], "--account is missing"),
        (["keys", "show"], "ID is missing"),
        (["keys", "list", "--acount", "x"], "there is no option --acount; did you mean '--account'?"),
        (["audit", "show", "--limit", "0"], "--limit: must be a whole number from 1 to 10000, not 0"),
        (["audit", "show", "--limit", "x"], "--limit: must be a whole number from 1 to 10000, not x"),
        (["limits", "set", "--tier", "t", "--concurrent", "x"], "--concurrent: must be a whole number from 0"),
        (["keys", "create", "--account", "a", "--expires", "200000d"], "--expires: '200000d' is more than a hundred"),
        (["keys", "rotate", "a", "--grace", "7 years"], "--grace: '7 years' is not a duration"),
        (["usage", "export"], None),
    ],
)
def test_wrong_usage_in_plain_words(router, command: list[str], said: str | None) -> None:
    if said is None:
        assert router(*command).status == 0
        assert "--output" in router(*command, "--json").value["error"]["message"]
    else:
        assert said in router.refused(*command, status=2)


def test_no_command_at_all_is_a_document_too(bare) -> None:
    for command in (["--json"], ["keys", "--json"]):
        run = bare(*command)
        assert (run.status, run.value["error"]["code"]) == (2, "usage")


def test_a_scope_is_kept_once(router) -> None:
    account = router.first["account"]
    key = router.json(
        "keys", "create", "--account", account, "--scope", "echo/*", "--scope", "echo/echo", "--scope", "echo/*"
    )
    assert key["scope"] == ["echo/*", "echo/echo"]
    assert router.json("keys", "limit", key["id"], "--scope", "echo/echo", "--scope", "echo/echo")["scope"] == [
        "echo/echo"
    ]


def test_a_tier_and_a_price_list_with_members_stay(router) -> None:
    account = router.first["account"]
    router.json("limits", "set", "--tier", "gold", "--concurrent", "5")
    router.json("limits", "set", "--tier", "gold", "--per-account", "--concurrent", "9")
    router.json("accounts", "tier", account, "gold")
    router.json("limits", "set", "--tier", "gold", "--clear")  # its limits per account are left
    for last in (["--clear"], ["--concurrent", "none"]):
        said = router.refused("limits", "set", "--tier", "gold", "--per-account", *last)
        assert account in said and "accounts tier" in said
    router.json("accounts", "tier", account, "none")
    router.json("limits", "set", "--tier", "gold", "--per-account", "--clear")

    router.json("models", "price", "echo/echo", "--input", "1", "--output", "1", "--list", "vip")
    router.json("accounts", "price-list", account, "vip")
    assert account in router.refused("models", "price", "echo/echo", "--list", "vip", "--remove")
    router.json("accounts", "price-list", account, "none")
    router.json("models", "price", "echo/echo", "--list", "vip", "--remove")


def test_the_audit_of_an_account_has_its_keys_and_its_amounts(router) -> None:
    account = router.first["account"]
    key = router.json("keys", "create", "--account", account)["id"]
    router.json("keys", "revoke", key)
    router.json("credits", "grant", account, "2.50", "--reason", "x")
    found = [(row["action"], row["subject"]) for row in router.json("audit", "show", "--subject", account)]
    assert found == [("credits grant", account), ("keys revoke", key), ("keys create", key), ("init", account)]
    assert router.json("audit", "show")[0]["detail"]["amount"] == "2.50"


def test_amounts_are_never_shown_in_another_currency_than_theirs(router) -> None:
    account = router.first["account"]
    router.json("credits", "grant", account, "1", "--reason", "x")
    env = {"ROUTER__GATEWAY__CURRENCY": "CNY"}
    for command in (
        ["accounts", "show", account],
        ["credits", "grant", account, "1", "--reason", "y"],
        ["usage", "margin"],
        ["models", "price", "echo/echo", "--input", "1", "--output", "1"],
    ):
        assert "balances in the database are in USD" in router.refused(*command, env=env)
