"""Names where IDs are, what can be removed and renamed, tables on a terminal, and completion."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from router.cli.support.output import table

pytestmark = pytest.mark.slow

WIDE = {"id": "ID", "name": "NAME", "said": "SAID"}
ROWS = [
    {"id": "acct_1", "name": "日本語の名前", "said": "word " * 30},
    {"id": "acct_2", "name": "plain", "said": "short"},
]


def test_a_name_stands_where_an_id_does(router) -> None:
    account = router.json("accounts", "create", "Blue Team")["id"]
    assert router.json("accounts", "show", "Blue Team")["id"] == account
    key = router.json("keys", "create", "--account", "Blue Team", "--name", "laptop")["id"]
    assert router.json("keys", "show", "laptop")["id"] == key
    router.json("keys", "disable", "laptop")
    assert [row["status"] for row in router.json("keys", "list", "--account", "Blue Team")] == ["disabled"]
    router.json("credits", "grant", "Blue Team", "5", "--reason", "test")
    assert router.json("accounts", "show", account)["balance"] == "5"
    assert router.json("usage", "show", "--account", "Blue Team", "--key", "laptop") == []
    router.json("accounts", "create", "Blue Team")
    assert "Several accounts are called 'Blue Team': give the ID" in router.refused("accounts", "show", "Blue Team")
    assert "There is no account 'Green'" in router.refused("accounts", "show", "Green")


def test_an_account_is_renamed(router) -> None:
    account = router.first["account"]
    assert router.json("accounts", "rename", account, "Ops")["name"] == "Ops"
    assert router.json("accounts", "show", "Ops")["id"] == account
    assert "must have 1 to 200 characters" in router.refused("accounts", "rename", "Ops", " ")


def test_models_and_providers_are_removed(router) -> None:
    router.write('\n[providers.acme]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["large"]\n')
    router.json("models", "add", "mine", "--provider", "acme", "--model", "small")
    router.json("models", "alias", "quick", "mine")
    gone = router("models", "remove", "mine")
    assert gone.status == 0 and "the alias quick leads nowhere now" in gone.err
    assert "There is no model 'mine'" in router.refused("models", "remove", "mine")
    assert "`router models disable echo/echo` hides it" in router.refused("models", "remove", "echo/echo")
    router.json("models", "disable", "echo/echo")
    assert router.json("models", "remove", "echo/echo")["listed"] is True
    assert "[providers.acme] models" in router.refused("models", "remove", "acme/large")
    before = router.config.read_text()
    assert router.json("providers", "remove", "acme")["removed"] is True
    after = router.config.read_text()
    assert "\n[providers.acme]" not in after and len(before.splitlines()) - len(after.splitlines()) <= 6
    assert "has no section [providers.acme]" in router.refused("providers", "remove", "acme")


@pytest.mark.parametrize("columns", [40, 80])
def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    from rich.cells import cell_len

    lines = table(ROWS, WIDE, empty="").splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert "\x1b" not in "".join(lines)
    many = {f"column{number}": f"HEADING{number}" for number in range(12)}
    lines = table([dict.fromkeys(many, "some longer value")], many, empty="").splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert len(lines) == len(many), "one below the other"


def test_piped_a_row_is_a_line_and_wide_letters_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    head, first, second = table(ROWS, WIDE, empty="").splitlines()
    assert head.index("SAID") - 6 == first.index("word")  # six letters that are two cells wide
    assert second.index("short") == head.index("SAID")


def test_shells_complete_models_accounts_and_keys(router) -> None:
    router.json("keys", "create", "--account", router.first["account"])

    def completed(*words: str) -> str:
        environment = {
            **os.environ,
            "_ROUTER_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("router", *words)),
            "COMP_CWORD": str(len(words)),
            "ROUTER_CONFIG": str(router.config),
        }
        command = [sys.executable, "-m", "router"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60).stdout

    assert "plain,echo/echo" in completed("models", "show", "ec")
    assert router.first["account"] in completed("accounts", "show", "acct")
    assert completed("keys", "show", "key_").count("key_") == 2
