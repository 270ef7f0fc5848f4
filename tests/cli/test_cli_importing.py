"""``router import``: what other gateways know of customers and models."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from import_kit import LITELLM, NEW_API_KEY, SK, fill_litellm, fill_new_api, insert

from router.calls.auth import Authenticator
from router.errors import BadRequest, Unauthorized
from router.office.importing.openrouter_list import find_in_list
from router.office.importing.records import nano_of, per_million
from router.store.lookup import find_key
from router.store.opening import open_database
from router.testing import Gateway
from router.types.records import Key

pytestmark = pytest.mark.slow

CONFIG = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: some/gpt-4o, api_key: os.environ/OPENAI_API_KEY, input_cost_per_token: 0.0000025}
    model_info: {output_cost_per_token: 1e-05, max_input_tokens: 128000, max_output_tokens: 16384}
  - model_name: gpt-4o
    litellm_params: {model: azure/other}
  - model_name: vectors
    litellm_params: {model: some/text-embedding-3-small, input_cost_per_token: 2e-08}
    model_info: {mode: embedding}
  - model_name: "openai/*"
    litellm_params: {model: "openai/*"}
"""
LIST = {
    "data": [
        {
            "id": "maker/small",
            "context_length": 32768,
            "architecture": {"input_modalities": ["text", "image"]},
            "pricing": {"prompt": "0.00000015", "completion": "0.0000006", "request": "0", "web_search": "0.01"},
            "top_provider": {"max_completion_tokens": 4096},
            "supported_parameters": ["tools", "temperature"],
        },
        {"id": "maker/free", "pricing": {"prompt": "0", "completion": "0"}},
        {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}},
    ]
}


def accepted(router, text: str) -> Key:
    """The key as a call meets it."""
    with closing(open_database("sqlite:///router.db", router.folder)) as database:

        def find(digest: str) -> Key | None:
            found = find_key(database, digest)
            return found.key if found else None

        return Authenticator(find).key(f"Bearer {text}", None)


def counts(router) -> dict[str, int]:
    tables = ("accounts", "api_keys", "transfers", "models", "limits", "audit")
    with closing(sqlite3.connect(router.folder / "router.db")) as connection:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


def made(value: dict[str, Any], kind: str) -> dict[str, Any]:
    return {row["source"]: row for row in value["made"] if row["kind"] == kind}


def test_litellm_keys_go_on_working(router, postgresql_url: str) -> None:
    fill_litellm(postgresql_url)
    before = counts(router)
    tried = router.json("import", "litellm", postgresql_url, "--dry-run")
    assert (tried["applied"], counts(router)) == (False, before)
    done = router.json("import", "litellm", "env:THEIRS", env={"THEIRS": postgresql_url})
    assert done["applied"] and done["bad"] == []
    assert [row["source"] for row in done["made"]] == [row["source"] for row in tried["made"]]
    assert {row["reason"] for row in done["left"]} == {
        "has expired",
        "is a log-in to LiteLLM's own pages",
        "has no key of its own: keys of a team are the team's",
    }
    accounts = made(done, "account")
    assert {source: row["detail"] for source, row in accounts.items()} == {
        "team:t1": "Blue",
        "team:t2": "t2",
        "user:u1": "ann@example.com",
        "keys": "keys without a team or user",
    }
    credit = {source: row["detail"] for source, row in made(done, "credit").items()}
    assert credit == {"team:t1": "9.8", "user:u1": "2"}  # 10.1 - 0.3 is no 9.799999999999999

    key = accepted(router, SK)
    assert (key.account, key.scope, key.status) == (accounts["team:t1"]["id"], ("gpt-4o",), "active")
    assert key.budget is not None and (key.budget.amount_nano, key.budget.period) == (3_500_000_000, "month")
    shown = router.json("limits", "list", "--key", key.id)
    assert "requests_per_minute" in json.dumps(shown)
    assert router.json("accounts", "show", accounts["team:t2"]["id"])["status"] == "suspended"
    rows = {row["hint"]: row for row in router.json("keys", "list")}
    assert rows["6789"]["name"] == "laptop"
    assert router.json("ledger", "verify")["ok"] is True
    assert router.json("audit", "show", "--action", "import litellm")[0]["detail"]["key"] == 4

    again = router.json("import", "litellm", postgresql_url)
    assert (again["made"], again["known"], counts(router)["transfers"]) == ([], 8, before["transfers"] + 2)
    assert router.json("import", "litellm", postgresql_url, "--label", "other", "--skip-bad")[
        "bad"
    ]  # the keys are here


def test_odd_rows_stop_it_all_unless_they_are_to_be_skipped(router, postgresql_url: str) -> None:
    fill_litellm(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        insert(connection, "LiteLLM_VerificationToken", token="plain text", team_id="t1")
        insert(connection, "LiteLLM_VerificationToken", token="0" * 64, team_id="t1", models=["no-default-models"])
        insert(connection, "LiteLLM_VerificationToken", token="1" * 64, team_id="t1", max_budget=float("nan"))
        insert(connection, "LiteLLM_VerificationToken", token="2" * 64, key_alias="tab\there")
        insert(connection, "LiteLLM_UserTable", user_id="u3", models=["no-default-models"])
        insert(connection, "LiteLLM_VerificationToken", token="4" * 64, user_id="u3")
        insert(connection, "LiteLLM_UserTable", user_id="u4", models=["gpt-4o"])
        insert(connection, "LiteLLM_VerificationToken", token="5" * 64, user_id="u4")
        insert(connection, "LiteLLM_TeamTable", team_id="t9", max_budget=1, budget_duration="5m")
        insert(connection, "LiteLLM_VerificationToken", token="3" * 64, team_id="t9")
    before = counts(router)
    run = router("import", "litellm", postgresql_url, "--json")
    assert (run.status, counts(router)) == (1, before)
    reasons = " / ".join(row["reason"] for row in run.value["bad"])
    for words in ("no SHA-256", "no-default-models", "is no amount", "control characters", "each 5m", "team:t9"):
        assert words in reasons
    assert "plain text" not in run.out and "Nothing was changed: mend the rows, or give --skip-bad." in run.err
    done = router.json("import", "litellm", postgresql_url, "--skip-bad")
    assert done["applied"] and len(done["bad"]) == 7
    keys = made(done, "key")
    assert len(keys) == 5
    restricted = next(row["id"] for source, row in keys.items() if source.startswith("key 55555555"))
    assert [row["scope"] for row in router.json("keys", "list") if row["id"] == restricted] == [["gpt-4o"]]


def test_a_litellm_key_may_use_what_its_own_list_and_its_owners_both_allow(router, postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(LITELLM)
        teams = {"two": ["a", "b"], "wild": ["some/*", "c"], "odd": ["some/x-*-y"], "all": ["all-proxy-models"]}
        for team, models in (*teams.items(), ("none", []), ("words", ["no-default-models"])):
            insert(connection, "LiteLLM_TeamTable", team_id=team, models=models)
        insert(connection, "LiteLLM_UserTable", user_id="ann", models=["a", "b"])
        keys: list[tuple[dict[str, Any], Any]] = [
            ({"team_id": "two", "models": ["b", "z"]}, ["b"]),
            ({"team_id": "two", "models": ["b"]}, ["b"]),
            ({"team_id": "two", "models": []}, ["a", "b"]),
            ({"team_id": "two", "models": ["*"]}, ["a", "b"]),
            ({"team_id": "two", "models": ["z", "all-team-models"]}, ["a", "b"]),
            ({"team_id": "two", "models": ["z"]}, "have none in common"),
            ({"team_id": "wild", "models": ["some/m", "other/m"]}, ["some/m"]),
            ({"team_id": "wild", "models": ["some/*", "c", "d"]}, ["some/*", "c"]),
            ({"team_id": "odd", "models": ["some/x-1-y", "some/z"]}, ["some/x-1-y"]),
            ({"team_id": "odd"}, "a pattern can only be PROVIDER/*"),
            ({"team_id": "odd", "models": ["some/*-y-z"]}, "matches both"),
            ({"team_id": "all", "models": ["z"]}, ["z"]),
            ({"team_id": "none", "models": ["all-team-models"]}, []),
            ({"team_id": "words"}, "may use no model"),
            # the user of a team's key is not asked; of a key without a team, who is
            ({"team_id": "none", "user_id": "ann", "models": ["z"]}, ["z"]),
            ({"user_id": "ann", "models": ["b", "z"]}, ["b"]),
            ({"user_id": "ann", "models": ["all-team-models"]}, "has none"),
        ]
        for place, (row, _) in enumerate(keys):
            insert(connection, "LiteLLM_VerificationToken", token=f"{place:064x}", key_alias=f"k{place}", **row)
    done = router.json("import", "litellm", postgresql_url, "--skip-bad")
    scopes = {row["name"]: row["scope"] for row in router.json("keys", "list")}
    refused = {row["source"].partition("(")[2].rstrip(")"): row["reason"] for row in done["bad"]}
    for place, (row, wanted) in enumerate(keys):
        if isinstance(wanted, str):
            assert wanted in refused[f"k{place}"], row
        else:
            assert scopes[f"k{place}"] == wanted, row
    notes = {row["source"].partition("(")[2].rstrip(")"): row["reason"] for row in done["notes"]}
    assert sorted(notes) == ["k0", "k15", "k6", "k7", "k8"]
    assert notes["k0"] == "may use b: what its own list and that of its team both allow, without z of its own"
    assert "that of its user" in notes["k15"]
    assert router.json("import", "litellm", postgresql_url, "--skip-bad")["notes"] == []


def test_a_litellm_list_that_is_not_looked_at_is_told(router, postgresql_url: str) -> None:
    fill_litellm(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("UPDATE \"LiteLLM_TeamTable\" SET organization_id = 'o1' WHERE team_id = 't1'")
    assert "taken over: key" in (run := router("import", "litellm", postgresql_url)).err
    assert "belongs to a organization" not in run.err and "whose own list of models is not looked at" in run.err


def test_models_of_a_litellm_configuration(router, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    assert "--provider some=NAME" in router("import", "litellm", str(path)).err
    done = router.json("import", "litellm", str(path), "--provider", "some=echo")
    assert {row["id"]: row["detail"] for row in done["made"]} == {
        "gpt-4o": "echo: gpt-4o",
        "vectors": "echo: text-embedding-3-small",
    }
    assert [row["source"] for row in done["left"]] == ["model_list[2] (gpt-4o)", "model_list[4] (openai/*)"]
    shown = router.json("models", "show", "gpt-4o")
    assert (shown["context_window"], shown["max_output"]) == (128000, 16384)
    assert shown["cost"]["input"] == "2.5" and shown["cost"]["output"] == "10"
    assert router.json("models", "show", "vectors")["kind"] == "embeddings"
    assert router.json("import", "litellm", str(path), "--provider", "some=echo")["known"] == 2
    changed = router("import", "litellm", str(path), "--provider", "some=nothing")
    assert changed.status == 1 and "There is no provider 'nothing'" in changed.err
    for content, words in (("a: [", "is no YAML"), ("a: 1", "has no model_list"), ("model_list: [1]", "no model_name")):
        path.write_text(content)
        run = router("import", "litellm", str(path))
        assert run.status == 1 and words in run.err
    assert "No such file" in router.refused("import", "litellm", "none.yaml")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_new_api_customers_go_on(router, request: pytest.FixtureRequest, engine: str) -> None:
    url = "sqlite:///one-api.db" if engine == "sqlite" else request.getfixturevalue("postgresql_url")
    fill_new_api(url, router.folder)
    done = router.json("import", "new-api", url)
    assert done["applied"]
    accounts = made(done, "account")
    assert {source: row["detail"] for source, row in accounts.items()} == {"user:1": "root", "user:2": "off"}
    assert {one: row["detail"] for one, row in made(done, "credit").items()} == {"user:1": "2.469134"}
    assert {row["reason"] for row in done["left"]} == {
        "was deleted",
        "has expired",
        "owes 0.001 USD there, which is not taken over",
    }
    key = accepted(router, f"sk-{NEW_API_KEY}")
    assert (key.account, key.budget, key.scope) == (accounts["user:1"]["id"], None, ())
    with pytest.raises(Unauthorized, match="disabled"):
        accepted(router, f"sk-{'k' * 48}")
    limited = next(row for row in router.json("keys", "list") if row["hint"] == "kkkk")
    assert limited["scope"] == ["a", "b"] and limited["budget"] == "0.5"
    assert NEW_API_KEY not in (router.folder / "router.db").read_bytes().decode("latin-1")
    assert router.json("ledger", "verify")["ok"] is True
    assert router.json("import", "new-api", url)["made"] == []


def test_new_api_rows_that_cannot_be(router) -> None:
    fill_new_api("sqlite:///theirs.db", router.folder)
    path = router.folder / "theirs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        insert(connection, "tokens", "?", id=7, user_id=1, key="short", unlimited_quota=True)
        insert(connection, "tokens", "?", id=8, user_id=1, key="o" * 48, allow_ips="10.0.0.1", unlimited_quota=True)
        insert(connection, "tokens", "?", id=9, user_id=99, key="p" * 48, unlimited_quota=True)
        insert(connection, "tokens", "?", id=10, user_id=1, key="q" * 48, remain_quota=10**17)
    run = router("import", "new-api", "sqlite:///theirs.db", "--json")
    assert run.status == 1
    reasons = " / ".join(row["reason"] for row in run.value["bad"])
    for words in ("can be guessed", "bound to addresses", "user 99, who is not there", "budget must be"):
        assert words in reasons
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO options VALUES ('QuotaPerUnit', '1000000')")
        connection.execute("DELETE FROM tokens WHERE id > 6")
    done = router.json("import", "new-api", "sqlite:///theirs.db")
    assert {row["detail"] for row in made(done, "credit").values()} == {"1.234567"}
    assert "has no table tokens: it is not New API's" in router.refused("import", "new-api", "sqlite:///router.db")
    assert "is not there" in router.refused("import", "new-api", "sqlite:///none.db")
    assert "must begin with" in router.refused("import", "new-api", "mysql://u:hunter2@h/d")
    assert "is empty" in router.refused("import", "new-api", "env:NOT_SET", status=2)


def test_amounts_in_another_currency_need_a_rate(bare, tmp_path: Path) -> None:
    bare.json("init", "--dir", str(bare.folder))
    bare.json("config", "set", "gateway.currency", "EUR")
    fill_new_api("sqlite:///theirs.db", tmp_path)
    assert "--usd-rate" in bare.refused("import", "new-api", "sqlite:///theirs.db")
    done = bare.json("import", "new-api", "sqlite:///theirs.db", "--usd-rate", "0.9")
    assert {row["detail"] for row in made(done, "credit").values()} == {"2.2222206"}


def test_a_list_of_openrouters_shape(router, tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(json.dumps(LIST))
    assert "There is no provider 'no'" in router("import", "openrouter", str(path), "--provider", "no").err
    done = router.json("import", "openrouter", str(path), "--provider", "echo")
    assert [row["id"] for row in done["made"]] == ["echo/maker/small", "echo/maker/free"]
    assert [row["source"] for row in done["left"]] == ["auto"]
    shown = router.json("models", "show", "echo/maker/small")
    assert shown["cost"] == {"input": "0.15", "output": "0.6", "per_search": "0.01"}
    assert (shown["context_window"], shown["max_output"]) == (32768, 4096)
    assert set(shown["capabilities"]) >= {"images", "tools"}
    for content, words in (("[]", "has no data"), ("{", "no JSON"), ('{"data": [{"id": "x"}]}', "has no pricing")):
        path.write_text(content)
        run = router("import", "openrouter", str(path), "--provider", "echo")
        assert run.status == 1 and words in run.err


def test_a_taken_key_calls_a_taken_model(router, tmp_path: Path) -> None:
    fill_new_api("sqlite:///theirs.db", tmp_path)
    router.json("import", "new-api", "sqlite:///theirs.db")
    router.json("models", "add", "echo/paid", "--provider", "echo", "--model", "echo")
    router.json("models", "price", "echo/paid", "--input", "1", "--output", "2")
    with Gateway(tmp_path) as gateway:
        client = gateway.client(f"sk-{NEW_API_KEY}")
        answer = client.chat.completions.create(model="echo/paid", messages=[{"role": "user", "content": "one two"}])
        assert answer.choices[0].message.content == "one two"
    account = next(row["id"] for row in router.json("accounts", "list") if row["name"] == "root")
    assert router.json("accounts", "show", account)["balance"] != "2.469134"
    assert router.json("ledger", "verify")["ok"] is True


def test_amounts_are_exact() -> None:
    assert nano_of("0.1") == 100_000_000
    assert nano_of("1e-9") == 1
    assert nano_of("0.0000000019") == 1
    assert per_million("2.5e-06") == "2.5"
    assert per_million("0.00000000000000149") == "0.000000001"
    for bad in ("nan", "inf", "x", "1e30", "1e999999"):
        with pytest.raises(ValueError, match=r"is no amount|beyond belief"):
            nano_of(bad)
    for bad in ("nan", "-1", "inf", "x", "1e999999"):
        with pytest.raises(ValueError, match="is no price"):
            per_million(bad)


def test_prices_beyond_belief_are_bad_rows() -> None:
    prices = (
        '{"prompt": "1e999999"}',
        '{"prompt": "1", "request": "1e50"}',
        '{"prompt": "1", "web_search": "1e999999"}',
    )
    rows = [f'{{"id": "m{place}", "pricing": {price}}}' for place, price in enumerate(prices)]
    found = find_in_list(f'{{"data": [{", ".join(rows)}]}}'.encode(), "p")
    assert [row.source for row in found.bad] == ["m0", "m1", "m2"] and not found.models
    with pytest.raises(BadRequest, match="no JSON"):
        find_in_list(b'{"data": [{"id": "m", "pricing": {"prompt": 1e99999999999999999999}}]}', "p")
