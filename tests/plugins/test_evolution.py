"""What docs/evolution.md promises: plugins of the first hooks still serve, and retired ones are told what to change."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import openai
import pluggy
import pytest
from test_registry import Point

from router import hookimpl
from router.hookspecs import ROLES
from router.plugin_host.registry import Plugin, load_plugins, registry_of
from router.retired import PATHS
from router.testing import Answer, Gateway, ScriptedUpstream, completion, stream

pytestmark = pytest.mark.slow

FIRST = Path(__file__).resolve().parents[1] / "fixtures/plugins_v1"
MESSAGES: list[Any] = [{"role": "user", "content": "Hi"}]
hookspec = pluggy.HookspecMarker("router")
RETIRED = ["the hook 'register_commands' goes in 0.4", "the hook 'request_finished' goes in 0.4"]


def module(name: str) -> ModuleType:
    """A kept plugin, imported from its file."""
    spec = importlib.util.spec_from_file_location(name, FIRST / f"{name}.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def specs() -> dict[str, Callable[..., Any]]:
    return {name: spec for role in ROLES.values() for name, spec in vars(role).items() if name[0] != "_"}


# Plugins of the first version.


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        scripted.on("/v1/generate", Answer({"text": "Hello", "in": 3, "out": 1}))
        yield scripted


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream, install: Callable[..., None]
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    for name in ("compatible", "wire", "rest"):
        code = (FIRST / f"v1_{name}.py").read_text(encoding="utf-8")
        install(folder / "site", f"first-{name}", f"v1{name}", code)
    section = {"base_url": upstream.url, "api_key": "the-key"}
    config = {
        "plugins": {"v1rest": {"seen": str(folder / "seen")}, "strict": True},
        "prices": {model: {"input": "1", "output": "2"} for model in ("v1compatible/large", "v1wire/text")},
    }
    sections = {"v1compatible": section, "v1wire": section}
    path = os.pathsep.join([str(folder / "site"), str(FIRST.parents[2])])
    with Gateway(folder, profile="v1rest", providers=sections, config=config, env={"PYTHONPATH": path}) as running:
        yield running


def test_they_load_and_are_told_of_the_two_hooks_that_are_retired(gateway: Gateway) -> None:
    listed = {row["name"]: row for row in gateway.router("plugins", "list")}
    first = [listed[f"v1{name}"] for name in ("compatible", "rest", "wire")]
    assert [(row["state"], row["problem"]) for row in first] == [("loaded", "")] * 3
    assert first[0]["warnings"] == first[2]["warnings"] == []
    assert [said.partition(":")[0] for said in first[1]["warnings"]] == RETIRED
    assert listed["v1rest"]["roles"] == ["dialect", "storage", "lifecycle"]


def test_their_models_are_served_streamed_and_charged(gateway: Gateway, upstream: ScriptedUpstream) -> None:
    create = gateway.client().chat.completions.create
    upstream.script(Answer(completion("Hello")), stream("Hel", "lo", include_usage=True))
    assert create(model="v1compatible/large", messages=MESSAGES).choices[0].message.content == "Hello"
    words = [choice.delta.content for chunk in create(model="v1compatible/large", messages=MESSAGES, stream=True)
             for choice in chunk.choices]  # fmt: skip
    assert "".join(word or "" for word in words) == "Hello"
    assert create(model="v1wire/text", messages=MESSAGES).choices[0].message.content == "Hello"
    charges = [row["charge"] for row in gateway.router("usage", "show")]
    assert sorted(charges) == ["0.000005", "0.000033", "0.000033"]


def test_its_other_hooks_are_called(gateway: Gateway) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        gateway.client().chat.completions.create(model="v1wire/none", messages=MESSAGES)
    assert refused.value.response.json()["terse"] is True
    assert gateway.api_key.startswith("v1-")
    assert gateway.router("rest") == "at rest"
    with sqlite3.connect(gateway.folder / "router.db") as database:
        assert database.execute("SELECT count(*) FROM rest_seen").fetchone() == (0,)
    database.close()
    gateway.client().chat.completions.create(model="v1wire/text", messages=MESSAGES)
    gateway.stop()
    seen = (gateway.folder / "seen").read_text(encoding="utf-8").splitlines()
    assert seen[0].startswith("up ") and seen[-1] == "down"
    assert "v1wire/text v1wire 200 ok 3+1 1" in seen
    gateway.start()


def test_the_first_provider_keeps_the_rules_of_today(gateway: Gateway) -> None:
    report = gateway.router("plugins", "check", "v1compatible")
    assert report["ok"], report


# Every hook of 0.1.


def test_every_hook_of_this_version_loads_with_every_argument_that_it_had() -> None:
    kept = module("every_hook")
    plugin = registry_of(kept=kept).plugins["kept"]
    assert [said.partition(":")[0] for said in plugin.warnings] == RETIRED
    for name, hook in plugin.hooks.items():
        assert set(inspect.signature(hook).parameters) <= set(inspect.signature(specs()[name]).parameters), name


def test_every_hook_of_this_version_is_kept() -> None:
    kept = module("every_hook")
    since = {name for name, spec in specs().items() if "Since: 0.1." in (inspect.getdoc(spec) or "")}
    assert since <= set(vars(kept)), "a hook is in the first version, and no fixture holds its signature"


def test_a_new_argument_breaks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    @hookspec
    def models(self: Any, context: Any, locale: Any) -> Any:
        """The hook of some later version."""

    kept = {name: spec for name, spec in vars(ROLES["provider"]).items() if name[0] != "_"}
    monkeypatch.setitem(ROLES, "provider", type("Grown", (), kept | {"models": models}))
    sys.modules.pop("router.upstream.transport", None)
    with pytest.warns(DeprecationWarning, match="router.upstream.transport goes in version 0.3: import its names from"):
        plugin = registry_of(first=module("v1_wire").plugin).plugins["first"]
    assert [card.model for card in plugin.hooks["models"](context=None, locale="en")] == ["text"]


# Retirement.


@pytest.mark.parametrize(("old", "new"), PATHS.items())
def test_an_import_path_of_the_first_version_leads_on(old: str, new: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} goes in version 0.3: import its names from .*{new}"):
        found = importlib.import_module(old)
    assert found is importlib.import_module(new)
    assert found.__spec__ is not None and found.__spec__.name == new


class Retiring:
    """What a later version may say of its hooks."""

    @hookspec(warn_on_impl=DeprecationWarning("the hook 'price_of' goes in 0.9: give prices in the cards of 'models'"))
    def price_of(self, model: str) -> Any:
        """Retired in 0.5."""

    @hookspec(
        warn_on_impl_args={"tenant": DeprecationWarning("'tenant' of 'greet' goes in 0.9: read 'key.account' instead")}
    )
    def greet(self, key: Any, tenant: Any) -> Any:
        """With an argument that was retired."""


class Old:
    @hookimpl
    def price_of(self, model: str) -> str:
        return f"price of {model}"

    @hookimpl
    def greet(self, key: str, tenant: str) -> str:
        return f"{key} of {tenant}"


class Mended:
    @hookimpl
    def greet(self, key: str) -> str:
        return key


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[object], Plugin]:
    """A plugin as a later version loads it, strictly."""
    monkeypatch.setitem(ROLES, "retiring", Retiring)
    caplog.set_level(logging.WARNING, logger="router.plugin_host.registry")
    return lambda thing: load_plugins(entry_points=[Point("acme", thing)], strict=True).plugins["acme"]


def test_what_is_retired_still_works_and_says_what_to_change(
    later: Callable[[object], Plugin], caplog: pytest.LogCaptureFixture
) -> None:
    plugin = later(Old())
    assert plugin.hooks["price_of"](model="one") == "price of one"
    assert plugin.hooks["greet"](key="k", tenant="t") == "k of t"
    assert len(plugin.warnings) == 2
    assert any("give prices in the cards of 'models'" in said and __file__ in said for said in plugin.warnings)
    assert any("read 'key.account' instead" in said for said in plugin.warnings)
    assert "plugin acme (acme-plugin): the hook 'price_of' goes in 0.9" in caplog.text


def test_nobody_else_is_warned(later: Callable[[object], Plugin], caplog: pytest.LogCaptureFixture) -> None:
    plugin = later(Mended())
    assert plugin.warnings == () and not caplog.records
    assert plugin.hooks["greet"](key="k", tenant="t") == "k"
