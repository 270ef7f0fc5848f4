"""Models and docs, for everybody: what is listed is what the API lists, and every example runs as it stands."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_caches import node_folder
from customer_kit import ENTRY, Scene, code_of, table_of
from portal_site import Client
from waiting import until

from router.money.amounts import parse_nano
from router.portal.customer.docs import error_rows
from router.portal.web.guard import is_local
from router.testing import CommandFailed
from router.types.dialect import Dialect

pytestmark = pytest.mark.slow

NODE = Path(__file__).parents[1] / "clients"
RUN_S = 60


@pytest.fixture
def visitor(scene: Scene) -> Client:
    return Client(scene.site)


def listed(scene: Scene, path: str = "/v1/models") -> Any:
    asked = urllib.request.Request(f"{scene.site.gateway.url}{path}")
    asked.add_header("Authorization", f"Bearer {scene.key}")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read())


def models_in(page: str) -> list[str]:
    return re.findall(r'<a class="break" href="/app/models/[^"]+"><code>([^<]+)</code>', page)


def text_of(page: str) -> str:
    return " ".join(html.unescape(ENTRY.sub(" ", page)).split())


def prices_in(page: str) -> dict[str, tuple[str, str]]:
    lines = [line for line in table_of(page) if len(line) == 6 and line[0] != "Model"]
    return {line[0].split()[0]: (line[3], line[5]) for line in lines}


def test_the_page_lists_what_the_api_lists_at_its_prices(scene: Scene, visitor: Client) -> None:
    status, _, page = visitor.get("/app/models")
    assert status == 200
    ids = [one["id"] for one in listed(scene)["data"]]
    assert models_in(page) == ids and len(ids) >= 5
    catalogue = {one["model_id"]: one for one in listed(scene, "/models")}
    shown = prices_in(page)
    for id in ids:
        asked = (catalogue[id]["sell_input_per_million"], catalogue[id]["sell_output_per_million"])
        assert tuple(parse_nano(text.removeprefix("$")) for text in shown[id]) == tuple(map(parse_nano, asked))


def test_a_price_that_is_to_come_is_told(scene: Scene, visitor: Client) -> None:
    router, model = scene.site.gateway.router, "gpt-4.1-nano"
    rates = ("--input", "0.75", "--output", "1.25")
    router("models", "price", model, *rates, "--from", "2031-01-01")
    until(lambda: "$1.25" in visitor.get("/app/models")[2])
    page = visitor.get("/app/models")[2]
    assert prices_in(page)[model] != ("$0.75", "$1.25"), "what holds is what it was"
    assert "From 1 Jan 2031: $0.75 / $1.25" in text_of(page), text_of(page)
    assert "From 1 Jan 2031" in (page := text_of(visitor.get(f"/app/models/{model}")[2])) and "$1.25" in page
    router("models", "price", model, "--withdraw", "--from", "2031-01-01")


def test_models_are_searched_filtered_and_sorted_by_links(visitor: Client) -> None:
    _, _, page = visitor.get("/app/models")
    everything = models_in(page)
    _, _, page = visitor.get("/app/models?q=nano%20gpt&sort=-output")
    assert set(models_in(page)) == {"gpt-5.4-nano", "gpt-4.1-nano"}
    assert 'aria-sort="descending"' in page and "2 of" in page
    _, _, page = visitor.get("/app/models?sort=input")
    prices = [parse_nano(prices_in(page)[id][0].removeprefix("$")) for id in models_in(page)]
    assert prices == sorted(prices) and set(models_in(page)) == set(everything)
    _, _, page = visitor.get("/app/models?can=reasoning&maker=openai&kind=chat")
    assert 0 < len(models_in(page)) < len(everything)
    _, _, page = visitor.get("/app/models?q=nothing-of-the-kind")
    assert "No models match." in page and "Clear the filter" in page
    for query in ("sort=zz", "sort=-", "kind=%00", "q=" + "x" * 400):
        assert visitor.get(f"/app/models?{query}")[0] == 200


def test_a_host_that_is_none_is_not_this_machine() -> None:
    for host in ("[....]", "[::::]", "[12.]:80", "["):
        assert not is_local(host), host
    assert is_local("[::1]:80") and is_local("localhost:8081")


def test_one_model(scene: Scene, visitor: Client) -> None:
    status, _, page = visitor.get("/app/models/gpt-4o")
    assert status == 200 and 'id="model-id"' in page and "128,000 tokens" in page
    assert ["Input, per million tokens", "$2.50"] in table_of(page)
    assert "Try it" not in page and "Try it" in scene.developer.get("/app/models/gpt-4o")[2]
    for path in ("nothing", "a/b/c", "%3Cscript%3E", "openai/gpt-4o-not"):
        status, _, page = visitor.get(f"/app/models/{path}")
        assert status == 404 and "There is no such page" in page


def test_a_model_that_retires_says_when(scene: Scene, visitor: Client) -> None:
    terms = ("--cost-input", "1", "--cost-output", "2", "--retires", "2031-01-31")
    scene.site.gateway.router("models", "add", "old-one", "--provider", "openai", "--model", "gpt-4o", *terms)
    try:
        assert "retires 31\u00a0Jan\u00a02031" in visitor.get("/app/models?q=old-one")[2]
        assert "31\u00a0Jan\u00a02031" in visitor.get("/app/models/old-one")[2]
    finally:
        scene.site.gateway.router("models", "remove", "old-one")
    with pytest.raises(CommandFailed, match="is no day: write it as 2027-01-31"):
        scene.site.gateway.router("models", "add", "x", "--provider", "openai", "--model", "x", "--retires", "soon")


def test_browsers_that_look_for_models_at_the_apis_place_are_led_on(visitor: Client) -> None:
    status, headers, _ = visitor.get("/models", Accept="text/html")
    assert (status, headers["Location"]) == (303, "/app/models")


def test_a_price_list_of_the_workspace_is_what_its_members_see(scene: Scene, visitor: Client) -> None:
    gateway = scene.site.gateway
    gateway.router("models", "price", "gpt-4o", "--input", "1.25", "--output", "3.000000001", "--list", "friends")
    gateway.router("accounts", "price-list", scene.account, "friends")
    try:
        assert prices_in(scene.viewer.get("/app/models")[2])["gpt-4o"] == ("$1.25", "$3.000000001")
        assert prices_in(visitor.get("/app/models")[2])["gpt-4o"] == ("$2.50", "$10.00")
    finally:
        gateway.router("accounts", "price-list", scene.account, "none")


@pytest.fixture(scope="module")
def docs(scene: Scene) -> str:
    status, _, page = Client(scene.site).get("/app/docs")
    assert status == 200
    assert scene.site.gateway.base_url in page and "gpt-4.1-nano" in page
    return page


def run(text: str, key: str, command: list[str], folder: Path, name: str) -> str:
    """What an example prints, run as a person runs it who puts the key in its place."""
    assert "ng-..." in text
    file = folder / name
    file.write_text(text.replace("ng-...", key), encoding="utf-8")
    done = subprocess.run([*command, str(file)], cwd=folder, capture_output=True, text=True, timeout=RUN_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def curl(text: str, scene: Scene, folder: Path) -> str:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    return run(text, scene.key, ["sh"], folder, "example.sh")


@pytest.fixture
def node_place() -> Iterator[Path]:
    place = node_folder(NODE)
    yield place
    (place / "example.mjs").unlink(missing_ok=True)


def test_the_first_call_runs_in_each_language(scene: Scene, docs: str, tmp_path: Path, node_place: Path) -> None:
    assert (
        json.loads(curl(code_of(docs, "docs-first-1"), scene, tmp_path))["choices"][0]["message"]["content"] == "Hello"
    )
    python = run(code_of(docs, "docs-first-2"), scene.key, [sys.executable], tmp_path, "example.py")
    assert python.strip() == "Hello"
    node = run(code_of(docs, "docs-first-3"), scene.key, ["node"], node_place, "example.mjs")
    assert node.strip() == "Hello"


def test_the_stream_runs_in_each_language(scene: Scene, docs: str, tmp_path: Path, node_place: Path) -> None:
    told = curl(code_of(docs, "docs-stream-1"), scene, tmp_path)
    assert told.startswith("data: {") and told.rstrip().endswith("data: [DONE]")
    assert run(code_of(docs, "docs-stream-2"), scene.key, [sys.executable], tmp_path, "example.py").strip() == "Hello"
    assert run(code_of(docs, "docs-stream-3"), scene.key, ["node"], node_place, "example.mjs").strip() == "Hello"


def test_questions_about_money_run(scene: Scene, docs: str, tmp_path: Path) -> None:
    call = scene.site.gateway.client(api_key=scene.key).chat.completions.with_raw_response.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
    )
    credits = json.loads(curl(code_of(docs, "docs-balance-credits"), scene, tmp_path))["data"]
    assert credits["total_credits"] == 5 and credits["currency"] == "USD"
    assert json.loads(curl(code_of(docs, "docs-balance-key"), scene, tmp_path))["data"]["label"] == "=1+1 <b>bold</b>"
    assert json.loads(curl(code_of(docs, "docs-balance-deepseek"), scene, tmp_path))["is_available"]
    one = code_of(docs, "docs-balance-call").replace("req_...", str(call.headers["x-request-id"]))
    assert json.loads(curl(one, scene, tmp_path))["data"]["model"] == "gpt-4o"


def test_models_pages_have_an_example_that_runs(scene: Scene, tmp_path: Path) -> None:
    page = scene.viewer.get("/app/models/gpt-4o")[2]
    assert json.loads(curl(code_of(page, "model-call-1"), scene, tmp_path))["model"] == "gpt-4o"


def test_errors_are_those_that_the_profile_makes(docs: str) -> None:
    lines = [line for line in table_of(docs) if line and line[0].isdigit()]
    told = {(int(line[0]), line[1], line[2]): line[4] for line in lines}
    assert told[401, "invalid_api_key", "invalid_request_error"] == "no"
    assert told[429, "rate_limit_exceeded", "rate_limit_error"] == "yes"
    assert told[402, "insufficient_quota", "insufficient_quota"] == "no"


@pytest.mark.parametrize("profile", ["standard", "nexgate", "nexorouter", "neurongate", "aigateway"])
def test_error_rows_of_each_profile_stand_once_each(profile: str) -> None:
    import importlib

    dialect: Dialect = importlib.import_module(f"router_plugins.{profile}").plugin.dialect()
    rows = error_rows(dialect)
    assert len({(row.status, row.code, row.type) for row in rows}) == len(rows) > 6
    assert [row.status for row in rows] == sorted(row.status for row in rows)
    (money,) = [row for row in rows if any("Top up" in one for one in row.meanings)]
    assert money.status == (403 if profile == "nexorouter" else 402)
