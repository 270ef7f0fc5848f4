"""NexGate's account API: JSON for who is logged in, the same as pages say, and nothing for a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from customer_kit import Scene, rows_of
from portal_site import Client, start_portal

pytestmark = pytest.mark.slow

PATHS = ("me", "balance", "keys", "usage", "transactions", "limits", "deposits")


@pytest.fixture(scope="module", autouse=True)
def calls(scene: Scene) -> None:
    client = scene.site.gateway.client(api_key=scene.key)
    for number in range(3):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": f"Hello {number}"}])


def read(client: Client, path: str) -> Any:
    status, headers, text = client.get(f"/api/{path}")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "application/json", "no-store"), text
    return json.loads(text)


@pytest.mark.row("NG-12")
@pytest.mark.parametrize("path", PATHS)
def test_without_a_session_it_is_a_401_in_json(scene: Scene, path: str) -> None:
    visitor = Client(scene.site)
    for headers in ({}, {"Authorization": f"Bearer {scene.key}"}, {"X-API-Key": scene.key}, {"Accept": "text/html"}):
        status, answered, text = visitor.get(f"/api/{path}", **headers)
        assert (status, json.loads(text)["error"]["code"]) == (401, "no_session")
        assert "Location" not in answered


def test_who_is_logged_in(scene: Scene) -> None:
    told = read(scene.viewer, "me")
    assert told["workspace"] == {"id": scene.account, "name": "Olga", "role": "viewer"}
    assert told["verified"] is True and told["email"].startswith("viewer")


def test_amounts_are_exact_and_the_same_as_on_pages(scene: Scene) -> None:
    money, usage = read(scene.viewer, "balance"), read(scene.viewer, "usage")
    used = sum(Decimal(row["price_USD"]) for row in rows_of(scene.viewer.get("/app/usage.csv")[2]))
    assert Decimal(usage["total"]["price"]) == Decimal(money["used"]) == used > 0
    assert Decimal(money["balance"]) == Decimal(money["credited"]) - used
    entries = read(scene.viewer, "transactions")["data"]
    assert sum(Decimal(one["amount"]) for one in entries) == Decimal(money["balance"])
    csv = rows_of(scene.viewer.get("/app/transactions.csv")[2])
    assert [one["amount"] for one in entries] == [row["amount"] for row in csv]


def test_transactions_come_in_pages(scene: Scene) -> None:
    whole = read(scene.viewer, "transactions")["data"]
    pages, before = [], ""
    while True:
        page = read(scene.viewer, f"transactions?limit=1&before={before}")
        pages += page["data"]
        before = page["next"]
        if before is None:
            break
    assert pages == whole and len(whole) == 2
    assert [one["kind"] for one in read(scene.viewer, "transactions?kind=free")["data"]] == ["free"]
    assert read(scene.viewer, "deposits")["data"] == []
    status, _, text = scene.viewer.get("/api/transactions?before=zz")
    assert status == 400 and json.loads(text)["error"]["param"] == "before"
    for limit in ("0", "-1", "x", "9" * 30, "\u0663"):
        assert scene.viewer.get(f"/api/transactions?limit={limit.encode().hex() if limit > 'z' else limit}")[0] == 200


def test_keys_are_told_without_their_texts(scene: Scene) -> None:
    (key,) = read(scene.viewer, "keys")["data"]
    assert (key["name"], key["status"], key["hint"]) == ("=1+1 <b>bold</b>", "active", scene.key[-4:])
    assert key["last_used_at"] is not None
    assert scene.key not in json.dumps(key)


def test_usage_by_key_hour_and_day(scene: Scene) -> None:
    assert {row["key"]["name"] for row in read(scene.viewer, "usage?by=key")["data"]} == {"=1+1 <b>bold</b>"}
    assert read(scene.viewer, "usage?by=model")["data"][0]["model"] == "gpt-4o"
    hour = read(scene.viewer, "usage?per=hour&range=7d")
    assert hour["by"] == "hour" and "T" in hour["data"][0]["hour"]


def test_limits(scene: Scene) -> None:
    told = read(scene.viewer, "limits")
    (day,) = told["account"]
    assert (day["name"], day["value"], day["source"]) == ("spend_per_day", "50", "everybody")
    assert day["used"] == read(scene.viewer, "balance")["used"] and day["resets_at"].endswith("Z")
    assert told["tiers"][0]["name"] == "gold" and told["tiers"][0]["account"]["spend_per_day"] == "500"


def test_somebody_without_a_workspace_is_refused_in_json(scene: Scene) -> None:
    guest = Client(scene.site)
    email = scene.site.new_address("guest")
    assert scene.owner.post("/app/team/invite", {"email": email, "role": "viewer"})[0] == 303
    link = scene.site.next_link(email).removeprefix(scene.site.url)
    assert guest.post(link, {"password": "a sentence for a member of a team"})[0] == 303
    person = read(guest, "me")["id"]
    assert scene.owner.post(f"/app/team/{person}/remove")[0] == 303
    status, _, text = guest.get("/api/balance")
    assert (status, json.loads(text)["error"]["code"]) in ((403, "no_workspace"), (401, "no_session"))


def test_it_is_never_written_to(scene: Scene) -> None:
    for path in PATHS:
        assert scene.owner.post(f"/api/{path}")[0] in (404, 405)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("other")
    with start_portal(folder, profile="nexorouter", proof_of_work=False) as site:
        client = Client(site)
        client.sign_up(name="Olga")
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_other_profiles_have_none_of_it(other: Client, path: str) -> None:
    status, _, text = other.get(f"/api/{path}")
    assert status == 404 and json.loads(text)["error"]["code"] == "not_found"
