"""Usage, transactions, limits, top up: what pages say of money, and that all of it is the same to the last digit."""

from __future__ import annotations

import json
import re
import urllib.request
from decimal import Decimal

import pytest
from customer_kit import Scene, rows_of, table_of
from portal_site import Client

from router.testing import Answer

pytestmark = pytest.mark.slow

NONE = "\u2013"


@pytest.fixture(scope="module", autouse=True)
def calls(scene: Scene) -> int:
    """Seven calls of two models, one of which fails."""
    client = scene.site.gateway.client(api_key=scene.key)
    for number in range(6):
        model = "gpt-4o" if number % 3 else "gpt-4.1-nano"
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": f"Hello {number} " * 40}])
    scene.upstream.script(*[Answer.error(400, "No.")] * 3)
    with pytest.raises(Exception, match="400"):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}])
    return 7


def credits_of(scene: Scene) -> dict[str, str]:
    """``GET /v1/credits``, its numbers as they were written."""
    asked = urllib.request.Request(f"{scene.site.gateway.url}/v1/credits")
    asked.add_header("Authorization", f"Bearer {scene.key}")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        found: dict[str, str] = json.loads(answer.read(), parse_float=str, parse_int=str)["data"]
    return found


def csv_of(scene: Scene, path: str) -> list[dict[str, str]]:
    status, headers, text = scene.viewer.get(path)
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert "attachment" in headers["Content-Disposition"]
    return rows_of(text)


def summed(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


@pytest.mark.row("NG-9")
def test_every_page_says_the_same_to_the_last_digit(scene: Scene) -> None:
    told = credits_of(scene)
    used = Decimal(told["total_usage"])
    assert used > 0
    for by in ("time", "model", "key"):
        for per in ("day", "hour"):
            assert summed(csv_of(scene, f"/app/usage.csv?by={by}&per={per}"), "price_USD") == used
    entries = csv_of(scene, "/app/transactions.csv")
    assert summed(entries, "amount") == Decimal(told["balance"]) == Decimal(entries[0]["balance_after"])
    usage = [row for row in entries if row["kind"] == "usage"]
    assert summed(usage, "amount") == -used
    assert summed([row for row in entries if row["kind"] != "usage"], "amount") == Decimal(told["total_credits"])
    shown = f"{used.normalize():f}"
    _, _, page = scene.viewer.get("/app/usage")
    assert f'title="{shown} USD"' in page
    _, _, page = scene.viewer.get("/app/transactions")
    assert f'title="-{shown} USD"' in page and f'title="{Decimal(told["balance"]).normalize():f} USD"' in page
    _, _, page = scene.viewer.get("/app/")
    assert f'title="{shown} USD"' in page


def test_usage_by_model_and_key_has_the_totals_of_its_columns(scene: Scene, calls: int) -> None:
    status, _, page = scene.viewer.get("/app/usage?by=model")
    lines = {line[0]: line[1:] for line in table_of(page)}
    assert status == 200
    assert {name: line[0] for name, line in lines.items() if name in ("gpt-4o", "gpt-4.1-nano", "Total")} == {
        "gpt-4o": "5",
        "gpt-4.1-nano": "2",
        "Total": str(calls),
    }
    assert lines["Total"][1] == "1"
    assert int(lines["gpt-4o"][2].replace(",", "")) + int(lines["gpt-4.1-nano"][2].replace(",", "")) == int(
        lines["Total"][2].replace(",", "")
    )
    _, _, page = scene.viewer.get("/app/usage?by=key")
    assert "=1+1 <b>bold</b>" in {line[0] for line in table_of(page)}
    assert "<b>bold</b>" not in page


def test_cells_that_spreadsheets_would_take_for_formulas_are_neutral(scene: Scene) -> None:
    (row,) = csv_of(scene, "/app/usage.csv?by=key")
    assert row["key"] == "'=1+1 <b>bold</b>"
    assert row["key_id"].startswith("key_")


def test_usage_is_filtered_by_model_and_key(scene: Scene, calls: int) -> None:
    (row,) = csv_of(scene, "/app/usage.csv?by=key")
    assert sum(int(one["calls"]) for one in csv_of(scene, f"/app/usage.csv?key={row['key_id']}")) == calls
    assert [one["calls"] for one in csv_of(scene, "/app/usage.csv?model=gpt-4.1-nano&by=model")] == ["2"]
    _, _, page = scene.viewer.get("/app/usage?model=nothing")
    assert "No calls match." in page and "Clear the filter" in page and "<table" not in page
    _, _, page = scene.viewer.get("/app/usage?key=key_of_somebody_else")
    assert "No calls match." in page


def test_hours_are_a_chart_of_the_browsers_own_with_a_table_behind_it(scene: Scene) -> None:
    _, _, page = scene.viewer.get("/app/usage?per=hour&range=7d")
    block = re.search(r'<script type="application/json" id="usage-plot">(.*?)</script>', page, re.S)
    assert block is not None
    data = json.loads(block[1])
    assert len(data["starts"]) == len(data["values"]) == len(data["texts"]) == len(data["labels"])
    assert sum(data["values"]) == int(Decimal(credits_of(scene)["total_usage"]) * 10**9)
    assert "uplot.min.js" in page and "<svg" in page
    _, _, page = scene.viewer.get("/app/usage")
    assert "uplot" not in page and "application/json" not in page and "<svg" in page


def test_hours_of_many_days_are_refused_in_words(scene: Scene) -> None:
    status, _, page = scene.viewer.get("/app/usage?per=hour&range=90d")
    assert status == 200 and "Hours are shown for up to 31 days." in page


@pytest.mark.parametrize(
    "query",
    ["range=zz", "from=2026-99-99", "from=9999-12-31&to=0001-01-01", "by=zz&per=zz&show=zz", "model=" + "x" * 500],
)
def test_a_query_that_is_none_is_as_if_it_said_nothing(scene: Scene, query: str) -> None:
    for path in ("/app/usage", "/app/usage.csv"):
        assert scene.viewer.get(f"{path}?{query}")[0] == 200


def test_transactions_roll_usage_up_and_link_to_the_logs(scene: Scene, calls: int) -> None:
    _, _, page = scene.viewer.get("/app/transactions")
    lines = [line for line in table_of(page) if line and line[1:2] == [f"Usage · {calls} calls"]]
    assert len(lines) == 1 and lines[0][2].startswith("\u2212$0.")
    assert re.search(r'href="/app/logs\?from=\d{4}-\d\d-\d\d&amp;to=\d{4}-\d\d-\d\d"', page)
    assert [line[1:4] for line in table_of(page) if line[1:2] == ["Free credit"]] == [
        ["Free credit", "+$5.00", "$5.00"]
    ]


def test_transactions_are_filtered_by_type_and_month(scene: Scene) -> None:
    whole = csv_of(scene, "/app/transactions.csv")
    month = whole[0]["day"][:7]
    assert csv_of(scene, f"/app/transactions.csv?month={month}") == whole
    assert csv_of(scene, "/app/transactions.csv?month=2001-01") == []
    kinds = {row["kind"] for row in whole}
    assert kinds == {"usage", "free"}
    for kind in kinds:
        assert csv_of(scene, f"/app/transactions.csv?kind={kind}") == [row for row in whole if row["kind"] == kind]
    _, _, page = scene.viewer.get("/app/transactions?kind=refund")
    assert "No transactions match." in page and "Clear the filter" in page
    assert scene.viewer.get("/app/transactions?kind=zz&month=zz")[0] == 200
    status, _, page = scene.viewer.get("/app/transactions?before=zz")
    assert status == 400 and "is no place in this list" in page and "req_" in page


@pytest.mark.row("NE-10")
def test_limits_say_what_holds_why_and_how_much_is_used(scene: Scene) -> None:
    _, _, page = scene.viewer.get("/app/limits")
    lines = {line[0]: line for line in table_of(page) if line}
    assert lines["Calls a minute"] == ["Calls a minute", "1,000", "for everybody"]
    assert lines["gold"] == ["gold", "6,000", NONE, NONE, "$500.00 for all keys", NONE]
    assert "of $50.00, for everybody" in page and "Begins anew" in page and "<progress" in page
    gateway = scene.site.gateway
    gateway.router("limits", "set", "--account", scene.account, "--requests-per-minute", "7")
    gateway.router("accounts", "tier", scene.account, "gold")
    try:
        _, _, page = scene.viewer.get("/app/limits")
        lines = {line[0]: line for line in table_of(page) if line}
        assert "of $500.00, by the tier “gold”" in page and "in the tier “gold”" in page
        assert ["Calls a minute", "7", "set for this workspace"] in table_of(page)
        assert lines["gold yours"][1] == "6,000"
    finally:
        gateway.router("accounts", "tier", scene.account, "none")
        gateway.router("limits", "set", "--account", scene.account, "--clear")


@pytest.mark.row("NE-10")
def test_the_way_to_the_next_tier_is_shown_in_every_language(scene: Scene) -> None:
    gateway, viewer = scene.site.gateway, scene.viewer
    _, _, page = viewer.get("/app/limits")
    assert "Next tier" not in page and "The operator decides which tier" in page
    assert json.loads(viewer.get("/api/limits")[2])["next_tier"] is None
    gateway.router("accounts", "tier", scene.account, "gold")
    try:
        _, _, page = viewer.get("/app/limits")
        for text in ("Next tier: “platinum”", "0 of 1,000", "$0.00 of $100.00", '<progress max="1000" value="0"'):
            assert text in page
        assert "The operator decides" not in page
        assert json.loads(viewer.get("/api/limits")[2])["next_tier"] == {
            "name": "platinum",
            "days": {"reached": 0, "needed": 1000},
            "paid": {"reached": "0", "needed": "100"},
        }
        for language, heading in (("ru", "Следующий уровень: «platinum»"), ("tk", "Indiki dereje: “platinum”")):
            viewer.post("/app/language", {"language": language})
            assert heading in viewer.get("/app/limits")[2]
        shown = gateway.router("accounts", "show", scene.account)
        assert shown["next_tier"] == "platinum: 0 of 1000 days old, 0.00 of 100.00 USD paid in"
    finally:
        viewer.post("/app/language", {"language": "en"})
        gateway.router("accounts", "tier", scene.account, "none")


def test_topping_up_says_what_is_set_up(scene: Scene) -> None:
    status, _, page = scene.owner.get("/app/topup")
    assert status == 200 and "No way to pay is set up here." in page and scene.account in page
    assert "Ask one of them" in scene.developer.get("/app/topup")[2]


def test_an_empty_workspace_is_told_what_to_do(scene: Scene) -> None:
    fresh = Client(scene.site)
    fresh.sign_up(name="Fay")
    assert "There were no calls in these days." in fresh.get("/app/usage")[2]
    assert rows_of(fresh.get("/app/usage.csv")[2]) == []
    assert [row["kind"] for row in rows_of(fresh.get("/app/transactions.csv")[2])] == ["free"]


def test_calls_are_filtered_by_stream_and_error_code_and_so_is_the_csv(scene: Scene, calls: int) -> None:
    everything = rows_of(scene.viewer.get("/app/logs.csv")[2])
    for query, column, wanted in (
        ("streamed=yes", "streamed", "True"),
        ("streamed=no", "streamed", "False"),
        ("error=model_not_found", "error_code", "model_not_found"),
    ):
        status, _, page = scene.viewer.get(f"/app/logs?{query}")
        found = rows_of(scene.viewer.get(f"/app/logs.csv?{query}")[2])
        assert found == [one for one in everything if one[column] == wanted], query
        assert status == 200 and ("No calls match." in page) is not bool(found), query
        assert all(f"/app/logs/{one['request_id']}" in page for one in found), query
    assert 'for="f-error"' in page and 'value="model_not_found"' in page and 'for="f-streamed"' in page
