"""``router routes explain``: who stands on a call's way besides its provider."""

from __future__ import annotations

from typing import Any

import pytest
from router_plugins import patterns

from router import Guard, PluginContext, hookimpl

pytestmark = pytest.mark.slow

CONFIG = """
[guards]
order = ["pii", "patterns"]

[guards.pii]
on_failure = "pass"
timeout_s = 1.5
keys = ["{key}"]

[plugins.pii]
kinds = ["email"]

[plugins.patterns]
secrets = "note"
secrets_where = "both"

[cache]
plugins = "cache"
price_share = "0.25"
"""


def explained(router: Any, *args: str) -> tuple[dict[str, Any], str]:
    return router.json("routes", "explain", "echo/echo", *args), router("routes", "explain", "echo/echo", *args).out


def test_guards_and_caches_are_told_in_their_order(router) -> None:
    mine = router.json("keys", "list")[0]
    other = router.json("keys", "create", "--account", mine["account"])
    value, text = explained(router)
    assert (value["guards"], value["caches"], value["strategies"]) == ([], [], [])
    router.write(CONFIG.format(key=mine["id"]))

    value, text = explained(router, "--key", mine["id"])
    masks, notes = value["guards"]
    assert (masks["plugin"], masks["sees"], masks["requests"], masks["replies"]) == ("pii", "texts", True, "transform")
    assert (masks["on_failure"], masks["timeout_s"], masks["keys"]) == ("pass", 1.5, [mine["id"]])
    assert (notes["plugin"], notes["replies"], notes["on_failure"]) == ("patterns", "observe", "refuse")
    cache = {"plugin": "cache", "calls": "chat and embeddings", "price_share": "0.25", "on_failure": "pass"}
    assert value["caches"] == [cache]
    lines = text.splitlines()
    assert lines[1] == (
        f"1. the guard 'pii' of calls of {mine['id']} sees the request's texts and changes the reply as it comes "
        "(transform); if it fails, or takes longer than 1.5 s, the call goes on without it"
    )
    assert lines[2].startswith("2. the guard 'patterns' sees the request's texts and reads the reply after its end")
    assert lines[2].endswith("if it fails, or takes longer than 2 s, the call is refused")
    assert "Replies pass the guards in the opposite order." in text
    assert "the cache 'cache' (chat and embeddings) may answer: charged 0.25 of a new one" in text

    value, text = explained(router, "--key", other["id"])
    assert [one["plugin"] for one in value["guards"]] == ["patterns"] and "opposite order" not in text
    assert [one["plugin"] for one in explained(router)[0]["guards"]] == ["pii", "patterns"]


def test_a_guard_that_cannot_be_made_here_is_told_as_such(router, monkeypatch: pytest.MonkeyPatch) -> None:
    @hookimpl
    def guard(self: Any, context: PluginContext) -> Guard:
        raise ValueError("its words may hold anything")

    monkeypatch.setattr(type(patterns.plugin), "guard", guard)
    router.write('[guards.patterns]\non_failure = "pass"\n')
    value, text = explained(router)
    assert [one["problem"] for one in value["guards"]] == ["cannot be asked here: ValueError"]
    assert "the guard 'patterns' cannot be asked here: ValueError; if it fails" in text


def test_a_model_whose_calls_no_cache_keeps(router) -> None:
    router.write('[cache]\nplugins = "cache"\n')
    router.json("models", "add", "echo/draws", "--provider", "echo", "--model", "brush", "--kind", "images")
    assert router.json("routes", "explain", "echo/draws")["caches"] == []
