"""Whose calls they were: usage by whoever made the keys, on the page, in CSV and in JSON, all to the same sums."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from customer_kit import Scene, rows_of, table_of

pytestmark = pytest.mark.slow

_CALLS = {"owner": 3, "developer": 2, "script": 1}


@pytest.fixture(scope="module", autouse=True)
def keys(scene: Scene) -> dict[str, str]:
    """A key of the owner, one of the developer that took another's place, one of no person; each with its calls."""
    status, _, page = scene.developer.post("/app/keys/new", {"name": "of the developer"})
    assert status == 201
    made = re.search(r"/app/keys/(key_\w+)", page)
    assert made is not None
    texts = {"owner": scene.key, "script": by_command(scene, "ci")}
    call(scene, _text_in(page), 1)
    status, _, page = scene.developer.post(f"/app/keys/{made[1]}/rotate", {"grace": "0"})
    assert status == 201
    call(scene, _text_in(page), _CALLS["developer"] - 1)
    for who, text in texts.items():
        call(scene, text, _CALLS[who])
    return texts


def call(scene: Scene, key: str, times: int) -> None:
    client = scene.site.gateway.client(api_key=key)
    for _ in range(times):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello " * 50}])


def by_command(scene: Scene, name: str, *options: str) -> str:
    made = scene.site.gateway.router("keys", "create", "--account", scene.account, "--name", name, *options)
    return str(made["api_key"])


def _text_in(page: str) -> str:
    found = re.search(r'id="new-key"[^>]*value="([^"]+)"', page)
    assert found is not None
    return found[1]


def activity(scene: Scene, key: str, **query: str) -> list[Mapping[str, Any]]:
    asked = urllib.request.Request(f"{scene.site.gateway.url}/api/v1/activity?{urllib.parse.urlencode(query)}")
    asked.add_header("Authorization", f"Bearer {key}")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        found: list[Mapping[str, Any]] = json.loads(answer.read())["data"]
    return found


def test_the_page_sums_by_who_made_the_keys(scene: Scene) -> None:
    status, _, page = scene.viewer.get("/app/usage?by=member")
    lines = {line[0]: line[1] for line in table_of(page)}
    developer = next(name for name in lines if name.startswith("developer"))
    assert status == 200
    assert (lines["Olga"], lines[developer], lines["not made by a person"], lines["Total"]) == ("3", "2", "1", "6")
    csv = rows_of(scene.viewer.get("/app/usage.csv?by=member")[2])
    assert {row["member"]: int(row["calls"]) for row in csv} == {
        "Olga": 3,
        developer: 2,
        "not made by a person": 1,
    }
    ids = {row["member"]: row["member_id"] for row in csv}
    for name, count in (("Olga", "3"), (developer, "2"), ("not made by a person", "1")):
        (row,) = rows_of(scene.viewer.get(f"/app/usage.csv?by=model&member={ids[name]}")[2])
        assert row["calls"] == count, name
    assert rows_of(scene.viewer.get("/app/usage.csv?by=model&member=pers_nobody")[2]) == []
    assert "No calls match." in scene.viewer.get("/app/usage?member=pers_nobody")[2]
    told = json.loads(scene.viewer.get("/api/usage?by=member")[2])
    assert {row["member"]["id"]: row["calls"] for row in told["data"]} == {
        row["member_id"]: int(row["calls"]) for row in csv
    }


def test_scripts_sum_by_member_too(scene: Scene) -> None:
    key = by_command(scene, "ops", "--management")
    rows = activity(scene, key, group_by="member")
    assert sorted(row["requests"] for row in rows) == [1, 2, 3]
    assert [row["requests"] for row in rows if row["user_id"] is None] == [1]
    whole = activity(scene, key)
    assert sum(Decimal(row["usage_text"]) for row in rows) == sum(Decimal(row["usage_text"]) for row in whole)
    for row in rows:
        if row["user_id"]:
            (one,) = activity(scene, key, user_id=row["user_id"])
            assert one["requests"] == row["requests"]
            by_key = activity(scene, key, user_id=row["user_id"], group_by="key,member")
            assert {each["user_id"] for each in by_key} == {row["user_id"]}
            assert sum(each["requests"] for each in by_key) == row["requests"]
    assert activity(scene, key, user_id="pers_nobody") == []


def test_a_key_says_who_made_it_as_long_as_they_are_here(scene: Scene) -> None:
    _, _, page = scene.viewer.get("/app/keys")
    key_id = re.search(r'/app/keys/(key_\w+)" class="break">of the developer', page)
    assert key_id is not None
    email = re.search(r"developer\d*@example\.org", scene.viewer.get("/app/team")[2])
    assert email is not None
    assert f'<dd class="break">{email[0]}</dd>' in scene.viewer.get(f"/app/keys/{key_id[1]}")[2]
    assert scene.developer.post("/app/team/leave")[0] == 303
    assert '<dd class="break">no longer a member</dd>' in scene.viewer.get(f"/app/keys/{key_id[1]}")[2]
    lines = {line[0]: line[1] for line in table_of(scene.viewer.get("/app/usage?by=member")[2])}
    assert lines["no longer a member"] == "2" and not any(name.startswith("developer") for name in lines)
