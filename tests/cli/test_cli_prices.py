"""``router models price``: what an operator sees and sets; ``router usage margin``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored_usage import insert_usage

from router.store.opening import open_database
from router.types.records import CallRecord

pytestmark = pytest.mark.slow

ACME = '\n[providers.acme]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["large"]\n'


def shown(router: Any, *args: str) -> Any:
    return router.json("models", "price", *args)


def test_a_price_is_set_shown_and_forgotten(router: Any) -> None:
    router.write(ACME)
    assert (shown(router, "acme/large")["price"], shown(router, "acme/large")["source"]) == (None, "unpriced")
    assert "calls are refused" in router("models", "price", "acme/large").out

    done = shown(router, "acme/large", "--input", "2.50", "--output", "10")
    assert done == {
        "model": "acme/large",
        "list": None,
        "price": {"input": "2.5", "output": "10"},
        "currency": "USD",
        "valid_from": None,
    }
    rows = {row["id"]: row for row in router.json("models", "list")}
    assert rows["acme/large"]["price"] == {"input": "2.5", "output": "10"}
    assert router.json("models", "show", "large")["price"] == {"input": "2.5", "output": "10"}
    assert "input 2.5; output 10" in router("models", "list").out

    shown(router, "acme/large", "--remove")
    assert shown(router, "acme/large")["price"] is None
    assert "There is no price for 'acme/large'" in router.refused("models", "price", "acme/large", "--remove")


def test_a_price_list_has_prices_of_its_own(router: Any) -> None:
    router.write(ACME)
    shown(router, "acme/large", "--input", "2", "--output", "4")
    shown(router, "acme/large", "--input", "1", "--output", "2", "--list", "gold")
    assert shown(router, "acme/large", "--list", "gold")["price"]["input"] == "1"
    assert shown(router, "acme/large", "--list", "gold")["source"] == "list"
    assert shown(router, "acme/large")["price"]["input"] == "2"
    assert [row["list"] for row in shown(router, "acme/large")["stored"]] == [None, "gold"]
    shown(router, "acme/large", "--list", "gold", "--remove")
    assert shown(router, "acme/large", "--list", "gold")["source"] == "database"


def test_a_call_is_estimated(router: Any) -> None:
    router.write(ACME)
    shown(router, "acme/large", "--input", "2.5", "--output", "10")
    tokens = ["--prompt-tokens", "2006", "--completion-tokens", "300"]
    found = shown(router, "acme/large", "--estimate", *tokens)
    assert (found["charge"], found["cost"], found["currency"]) == ("0.008015", None, "USD")
    assert shown(router, "echo/echo", "--estimate", *tokens)["charge"] == "0"
    shown(router, "acme/large", "--remove")
    assert "has no price" in router.refused("models", "price", "acme/large", "--estimate", *tokens)


def test_a_price_per_request_is_set_shown_and_estimated(router: Any) -> None:
    router.write(ACME)
    done = shown(router, "acme/large", "--input", "2.5", "--output", "10", "--per-request", "0.005", "--per-image", "0")
    assert done["price"] == {"input": "2.5", "output": "10", "per_image": "0", "per_request": "0.005"}
    assert "per_request 0.005" in router("models", "price", "acme/large").out
    tokens = ["--prompt-tokens", "2006", "--completion-tokens", "300"]
    found = shown(router, "acme/large", "--estimate", *tokens)
    assert (found["charge"], found["hold"], found["units"]) == ("0.013015", "0.013015", "0.005")
    refused = router.refused("models", "price", "acme/large", "--per-request", "-1", status=2)
    assert "--per-request: '-1' is not an amount" in refused
    alone = router.refused("models", "price", "acme/large", "--output", "1", "--per-request", "1", status=2)
    assert "--input: is required" in alone


def test_a_cost_per_request_is_what_the_provider_asks(router: Any) -> None:
    router.write(ACME)
    costs = ["--cost-input", "1", "--cost-output", "2", "--cost-per-request", "0.01"]
    router.json("models", "add", "big", "--provider", "acme", "--model", "large", *costs)
    assert shown(router, "big")["cost"] == {"input": "1", "output": "2", "per_request": "0.01"}
    assert shown(router, "big", "--estimate", "--prompt-tokens", "1000")["cost"] == "0.011"


def test_an_estimate_needs_tokens_and_tokens_an_estimate(router: Any) -> None:
    for args in (["--estimate"], ["--prompt-tokens", "5"], ["--completion-tokens", "5"]):
        assert "--estimate goes with" in router.refused("models", "price", "echo/echo", *args, status=2)


def test_a_price_for_input_alone_says_that_chat_is_refused(router: Any) -> None:
    router.write(ACME)
    run = router("models", "price", "acme/large", "--input", "2")
    assert (run.status, "without --output acme/large is sold for embeddings alone" in run.err) == (0, True)
    assert "warning" not in router("models", "price", "acme/large", "--input", "2", "--output", "3").err
    assert '"input": "2"' in router("audit", "show").out


def test_free_models(router: Any) -> None:
    router.write(ACME)
    assert shown(router, "acme/large", "--free")["price"] == {"input": "0", "output": "0"}
    assert "is charged: free" in router("models", "price", "acme/large", "--free").out
    assert shown(router, "echo/echo")["source"] == "card"


def test_a_model_of_a_provider_without_a_key_is_priced_with_a_warning(router: Any) -> None:
    run = router("models", "price", "openai/gpt-4o", "--input", "5", "--output", "20")
    assert run.status == 0
    assert "OPENAI_API_KEY" in run.err
    assert router.json("models", "price", "openai/gpt-4o")["price"]["input"] == "5"


def test_long_prompts_and_hours_are_told(router: Any) -> None:
    said = router("models", "price", "deepseek/deepseek-flash").out
    assert "mon-fri 01:00-04:00, mon-fri 06:00-10:00: input 0.3" in said
    assert "above 200000 tokens: input 4" in router("models", "price", "xai/grok-4.6").out


@pytest.mark.parametrize(
    ("args", "said", "status"),
    [
        (["acme/large", "--input", "-1", "--output", "1"], "--input: '-1' is not an amount", 2),
        (["acme/large", "--input", "NaN", "--output", "1"], "--input: 'NaN' is not an amount", 2),
        (["acme/large", "--input", "1e5", "--output", "1"], "--input: '1e5' is not an amount", 2),
        (["acme/large", "--input", "0.0000000001", "--output", "1"], "at most nine decimals", 2),
        (["acme/large", "--input", "1", "--cached-input", "999999999"], "--cached-input: '999999999'", 2),
        (["acme/large", "--output", "1"], "--input: is required", 2),
        (["acme/large", "--free", "--input", "1"], "give either", 2),
        (["echo/echo", "--input", "1"], "give --output as well", 1),
        (["acme/lage", "--input", "1", "--output", "1"], "Did you mean 'acme/large'", 1),
        (["fast", "--free"], "'fast' is an alias, and is charged as what it means: name 'echo/echo'", 1),
        (["acme/large", "--free", "--list", "x" * 300], "A price list's name must have", 1),
        (["acme/large", "--remove", "--list", "gold"], "in the price list 'gold'", 1),
    ],
)
def test_mistakes_change_nothing(router: Any, args: list[str], said: str, status: int) -> None:
    router.write(ACME)
    router.json("models", "alias", "fast", "echo/echo")
    before = router.json("models", "list")
    assert said in router.refused("models", "price", *args, status=status)
    assert router.json("models", "list") == before


def test_one_thing_at_a_time(router: Any) -> None:
    assert router("models", "price", "echo/echo", "--remove", "--estimate").status == 2
    assert router("models", "price", "echo/echo", "--free", "--remove").status == 2


def test_a_pinned_price_is_refused_with_its_place(router: Any) -> None:
    router.write('\n[prices]\n"echo/echo" = { input = "1", output = "2" }\n')
    found = shown(router, "echo/echo")
    assert (found["price"], found["source"]) == ({"input": "1", "output": "2"}, "pin")
    assert found["where"].endswith("[prices] echo/echo")
    said = router.refused("models", "price", "echo/echo", "--free")
    assert f"{router.config}, line " in said and "the price is fixed there" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[prices]\n"openai/gpt-4.1" = { inptu = "1" }',
            "[prices] openai/gpt-4.1: inptu: unknown key; did you mean 'input'",
        ),
        ('[prices]\n"a/b" = { input = 2.5, output = "1" }', "input: 2.5 is not an amount"),
        ('[prices]\n"a/b" = { input = "1", tiers = [{ hours = ["6-7"], input = "2" }] }', "is no span of hours"),
        ('[prices]\n"a/b" = "free"', "must be a table"),
        ('[billing]\nmarkup = "-1"', "[billing] markup: '-1' is not an amount"),
        ('[billing]\nmarkup = "0"', "[billing] markup: must be from 0.001 to 1000, not 0"),
        ('[billing]\nusd_rate = "nan"', "[billing] usd_rate: 'nan' is not an amount"),
        ('[billing]\nusd_rate = "2"', "one USD is one USD"),
        ('[billing]\nusd_rate_url = "https://x.test/r"', "needs usd_rate_field as well"),
        ('[billing]\nusd_rate_field = "r"', "needs usd_rate_url as well"),
        ('[billing]\nusd_rate_url = "file:///x"\nusd_rate_field = "r"', "must be a URL that begins with https://"),
    ],
)
def test_bad_prices_in_the_configuration_are_refused_with_their_place(router: Any, text: str, said: str) -> None:
    router.write(f"\n{text}\n")
    found = router("config", "check")
    assert found.status == 1
    assert said in found.err
    assert f"{router.config}, line " in found.err


def test_a_currency_without_a_rate_is_said(router: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER__GATEWAY__CURRENCY", "eur")
    assert "is no currency" in router("config", "check").err
    monkeypatch.setenv("ROUTER__GATEWAY__CURRENCY", "EUR")
    openai = {"OPENAI_API_KEY": "sk-test"}
    found = router("doctor", "--json", "--ollama", "http://127.0.0.1:9", env=openai).value["findings"]
    (finding,) = [one for one in found if one["check"] == "prices"]
    assert finding["state"] == "warning"
    assert "no rate of USD to EUR is known" in finding["detail"]
    assert router.json("models", "price", "echo/echo", env=openai)["price"] == {"input": "0", "output": "0"}
    assert "set [billing] usd_rate" in router("models", "price", "openai/gpt-4o", env=openai).out
    monkeypatch.setenv("ROUTER__BILLING__USD_RATE", "0.9")
    monkeypatch.setenv("ROUTER__BILLING__MARKUP", "1.25")
    found = router.json("models", "price", "openai/gpt-4o", env=openai)
    assert (found["price"]["input"], found["cost"]["input"], found["list_price_usd"]["input"]) == (
        "2.8125",
        "2.25",
        "2.5",
    )


def test_margin_by_model(router: Any, tmp_path: Path) -> None:
    assert router.json("usage", "margin") == []
    database = open_database("sqlite:///router.db", router.folder)
    record = row_maker()
    rows = [
        record("r1", charge_nano=3_000_000_000, cost_nano=1_000_000_000),
        record("r2", charge_nano=1, cost_nano=None),
        record("r3", model="b", created_at=1_600_000_000.0, charge_nano=5, cost_nano=7),
    ]
    database.write(lambda connection: insert_usage(connection, rows))
    database.close()
    first, second = router.json("usage", "margin")
    assert first == {
        "model": "a",
        "calls": 2,
        "charge": "3.000000001",
        "cost": "1",
        "margin": None,
        "uncosted": 1,
        "currency": "USD",
    }
    assert (second["model"], second["margin"]) == ("b", "-0.000000002")
    assert [row["model"] for row in router.json("usage", "margin", "--since", "2023-11-14")] == ["a"]
    shown = router("usage", "margin")
    assert "MARGIN" in shown.out
    assert "The cost of calls to a is not known" in shown.err and "--cost-input" in shown.err


def row_maker() -> Callable[..., CallRecord]:
    def make(request_id: str, *, model: str = "a", created_at: float = 1_700_000_000.0, **money: Any) -> CallRecord:
        texts = (model, "acme", "large", 200, "ok", "", False)
        return CallRecord(
            request_id, created_at, "chat", "acct_1", "key_1", *texts, 1, 1, 0, 0, False, 1, None, **money
        )

    return make


def test_a_price_is_planned_listed_and_withdrawn(router: Any) -> None:
    router.write(ACME)
    shown(router, "acme/large", "--input", "2", "--output", "4")
    assert router.json("models", "planned") == []
    assert "No price is planned" in router("models", "planned").out
    planned = shown(router, "acme/large", "--input", "3", "--output", "5", "--from", "2031-01-31")
    assert (planned["price"], planned["valid_from"]) == ({"input": "3", "output": "5"}, "2031-01-31T00:00:00Z")
    gold = shown(router, "large", "--input", "1", "--output", "1", "--list", "gold", "--from", "2030-12-31T12:00+02:00")
    assert gold["valid_from"] == "2030-12-31T10:00:00Z"
    assert [(row["valid_from"], row["model"], row["list"]) for row in router.json("models", "planned")] == [
        ("2030-12-31T10:00:00Z", "acme/large", "gold"),
        ("2031-01-31T00:00:00Z", "acme/large", None),
    ]
    found = shown(router, "acme/large")
    assert (found["price"]["input"], found["planned"][1]["price"]) == ("2", {"input": "3", "output": "5"})
    assert "from 2031-01-31T00:00:00Z, all: input 3; output 5" in router("models", "price", "acme/large").out
    said = router("models", "price", "acme/large", "--input", "2", "--output", "6").err
    assert "from 2031-01-31T00:00:00Z on another price is planned" in said
    assert [row["price"]["output"] for row in shown(router, "acme/large")["history"]] == ["6", "4"]

    at = ("--from", "2031-01-31")
    assert shown(router, "acme/large", "--withdraw", *at)["withdrawn"] is True
    assert "No price of 'acme/large' is planned" in router.refused("models", "price", "acme/large", "--withdraw", *at)
    entry = router.json("audit", "show", "--limit", "1")[0]
    assert (entry["action"], entry["detail"]["withdraw"], entry["detail"]["from"]) == (
        "models price",
        True,
        "2031-01-31T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--input", "1", "--output", "1", "--from", "2020-01-01"), "a moment to come"),
        (("--input", "1", "--output", "1", "--from", "2090-01-01"), "5 years ahead at most"),
        (("--from", "2031-01-01"), "--from goes with a price"),
        (("--withdraw",), "--withdraw goes with --from"),
        (("--withdraw", "--remove", "--from", "2031-01-01"), "give only one of"),
        (("--input", "1", "--output", "1", "--from", "soon"), "neither a duration"),
        (("--input", "1", "--from", "2031-01-01"), "give --output as well"),
    ],
)
def test_what_cannot_be_planned_is_refused(router: Any, options: tuple[str, ...], said: str) -> None:
    router.write(ACME)
    told = router("models", "price", "echo/echo", *options)
    assert told.status and said in told.err, told
