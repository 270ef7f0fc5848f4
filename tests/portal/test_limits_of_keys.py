"""What a workspace asks of its own keys: it lowers what the operator gives, holds at once, and raises nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from customer_kit import Scene, table_of

pytestmark = pytest.mark.slow


def make(scene: Scene, name: str, **limits: str) -> tuple[str, str]:
    """A key's ID and text."""
    status, _, page = scene.developer.post("/app/keys/new", {"name": name, **limits})
    assert status == 201, page
    key_id = re.search(r"/app/keys/(key_\w+)", page)
    text = re.search(r'id="new-key"[^>]*value="([^"]+)"', page)
    assert key_id is not None and text is not None
    return key_id[1], text[1]


def call(scene: Scene, key: str) -> Any:
    client = scene.site.gateway.client(api_key=key, max_retries=0)
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])


def shown(scene: Scene, key_id: str) -> list[list[str]]:
    status, _, page = scene.viewer.get(f"/app/keys/{key_id}")
    assert status == 200
    return table_of(page)


def audited(scene: Scene) -> dict[str, Any]:
    newest: dict[str, Any] = scene.site.gateway.router("audit", "show", "--limit", "1")[0]
    return newest


@pytest.mark.row("NE-10")
def test_a_key_takes_the_limits_that_its_workspace_asks_of_it(scene: Scene) -> None:
    key_id, text = make(scene, "slow", requests_per_minute="2", concurrent="1")
    assert audited(scene)["detail"]["limits"] == {"requests_per_minute": 2, "concurrent": 1}
    assert ["Calls a minute", "2", "set by the workspace itself"] in shown(scene, key_id)
    for _ in range(2):
        call(scene, text)
    with pytest.raises(Exception, match="429"):
        call(scene, text)
    call(scene, scene.key)
    status, _, page = scene.viewer.get("/app/limits")
    (line,) = [line for line in table_of(page) if line and line[0] == "slow"]
    assert status == 200 and line[1:4] == ["2", "\u2013", "1"]

    assert scene.developer.post(f"/app/keys/{key_id}", {"name": "slow", "expires": "keep"})[0] == 303
    assert audited(scene)["detail"]["limits"] == {"requests_per_minute": "none", "concurrent": "none"}
    call(scene, text)
    assert "slow" not in [line[0] for line in table_of(scene.viewer.get("/app/limits")[2]) if line]


def test_what_is_asked_raises_nothing_and_outlives_a_rotation(scene: Scene) -> None:
    key_id, _ = make(scene, "greedy", requests_per_minute="900000")
    assert ["Calls a minute", "1,000", "for everybody"] in shown(scene, key_id)
    gateway = scene.site.gateway
    gateway.router("limits", "set", "--key", key_id, "--requests-per-minute", "5")
    assert ["Calls a minute", "5", "set for this key"] in shown(scene, key_id)
    in_force = {one["limit"]: one for one in gateway.router("limits", "list", "--key", key_id)}
    assert in_force["requests_per_minute"]["value"] == 5
    edit = {"name": "greedy", "expires": "keep", "requests_per_minute": "3"}
    assert scene.developer.post(f"/app/keys/{key_id}", edit)[0] == 303
    assert ["Calls a minute", "3", "set by the workspace itself"] in shown(scene, key_id)
    in_force = {one["limit"]: one for one in gateway.router("limits", "list", "--key", key_id)}
    assert (in_force["requests_per_minute"]["value"], in_force["requests_per_minute"]["source"]) == (
        3,
        "asked for by its account",
    )
    status, _, page = scene.developer.post(f"/app/keys/{key_id}/rotate", {"grace": "0"})
    assert status == 201, page
    new = re.search(r'class="button primary" href="/app/keys/(key_\w+)"', page)
    assert new is not None and new[1] != key_id
    assert ["Calls a minute", "3", "set by the workspace itself"] in shown(scene, new[1])


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1_000", "x", "9" * 400, "٣"])
def test_what_is_no_limit_is_said_at_its_field(scene: Scene, value: str) -> None:
    status, _, page = scene.developer.post("/app/keys/new", {"name": "odd", "tokens_per_minute": value})
    assert status == 422 and "Write a whole number from 1 to 1000000000" in page
    assert 'id="error-tokens_per_minute"' in page


def test_who_only_looks_sets_no_limits(scene: Scene) -> None:
    key_id, _ = make(scene, "kept", concurrent="4")
    assert scene.viewer.post(f"/app/keys/{key_id}", {"name": "kept", "concurrent": "9"})[0] == 403
    assert ["Calls at the same time", "4", "set by the workspace itself"] in shown(scene, key_id)
