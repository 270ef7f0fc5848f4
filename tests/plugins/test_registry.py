"""Every way in which a plugin can be wrong, and what the host says; and who is called when one is right."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from router import CallRecord, ChatCall, ModelCard, Reply, UpstreamError, Usage, hookimpl
from router.errors import ConfigError
from router.hookspecs import HOOKS_VERSION
from router.plugin_host.registry import load_plugins, registry_of
from router.plugin_host.validate import LOAD_RULES


@dataclass(frozen=True)
class Point:
    """An entry point of a distribution that need not be installed."""

    name: str
    thing: Any
    distribution: str = "acme-plugin"
    version: str = "1.0"

    @property
    def value(self) -> str:
        return f"{self.distribution}:{id(self.thing)}"

    @property
    def dist(self) -> Any:
        return SimpleNamespace(name=self.distribution, version=self.version)

    def load(self) -> Any:
        if isinstance(self.thing, BaseException):
            raise self.thing
        return self.thing


class Good:
    @hookimpl
    def models(self) -> list[ModelCard]:
        return [ModelCard("one")]


def problem_of(thing: Any, name: str = "acme") -> str:
    """Why a plugin is not loaded; the plugins beside it are."""
    registry = load_plugins(entry_points=[Point(name, thing), Point("good", Good())])
    assert registry.plugins["good"].state == "loaded"
    assert registry.plugins[name].state == "failed"
    assert registry.plugins[name].hooks == {}
    return registry.plugins[name].problem


# Names.


def test_two_distributions_with_one_name_are_refused_naming_both() -> None:
    points = [Point("acme", Good(), "acme-one"), Point("acme", Good(), "acme-two")]
    with pytest.raises(ConfigError, match=r"'acme': acme-one and acme-two"):
        load_plugins(entry_points=points)


def test_a_duplicate_is_refused_even_where_neither_is_wanted() -> None:
    points = [Point("acme", Good(), "acme-one"), Point("acme", Good(), "acme-two")]
    with pytest.raises(ConfigError, match="uninstall one"):
        load_plugins(entry_points=points, disabled=["acme"])


def test_a_distribution_that_is_found_twice_is_no_duplicate() -> None:
    point = Point("acme", Good())
    assert list(load_plugins(entry_points=[point, point]).plugins) == ["acme"]


@pytest.mark.parametrize("name", ["Acme", "9lives", "a b", "a/b", "", "a" * 64])
def test_a_name_that_no_model_id_could_begin_with(name: str) -> None:
    assert "lower-case letters" in problem_of(Good(), name)


# The allow-list.


def test_enabled_loads_those_alone_and_disabled_leaves_out() -> None:
    points = [Point("one", Good()), Point("two", ImportError("never imported"))]
    assert {p.name: p.state for p in load_plugins(enabled=["one"], entry_points=points).plugins.values()} == {
        "one": "loaded",
        "two": "disabled",
    }
    assert load_plugins(disabled=["two"], entry_points=points).plugins["two"].state == "disabled"


@pytest.mark.parametrize("option", ["enabled", "disabled"])
def test_a_list_that_names_what_is_not_installed(option: str) -> None:
    with pytest.raises(ConfigError, match=r"'goood', which is not installed; did you mean 'good'\?"):
        load_plugins(entry_points=[Point("good", Good())], **{option: ["goood"]})


# Broken plugins.


@pytest.mark.parametrize("error", [ImportError("no module named acme"), ZeroDivisionError("boom"), SystemExit(3)])
def test_a_plugin_that_breaks_at_import_is_isolated_and_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    problem = problem_of(error)
    assert "cannot be imported" in problem and type(error).__name__ in problem
    assert "acme (acme-plugin) is not loaded" in caplog.text


def test_strict_stops_at_a_broken_plugin() -> None:
    with pytest.raises(ConfigError, match=r"plugin acme \(acme-plugin\).*boom.*strict"):
        load_plugins(entry_points=[Point("acme", RuntimeError("boom"))], strict=True)


def test_strict_leaves_a_disabled_plugin_alone() -> None:
    points = [Point("acme", RuntimeError("boom"))]
    assert load_plugins(entry_points=points, strict=True, disabled=["acme"]).plugins["acme"].state == "disabled"


def test_a_misspelt_hook_is_answered_with_the_nearest() -> None:
    class Plugin:
        @hookimpl
        def embedings(self) -> None: ...

    assert problem_of(Plugin()) == "L07: there is no hook 'embedings'; did you mean 'embeddings'?"


def test_a_hook_of_another_version_may_be_marked_optional() -> None:
    class Plugin(Good):
        @hookimpl(optionalhook=True)
        def images(self) -> None: ...

    found = registry_of(acme=Plugin()).plugins["acme"]
    assert set(found.hooks) == {"models", "images"}, "it may be that of a surface which another plugin brings"
    assert found.roles == registry_of(acme=Good()).plugins["acme"].roles


def test_an_argument_that_the_hook_does_not_have() -> None:
    class Plugin:
        @hookimpl
        def chat(self, call: ChatCall, contxt: object) -> None: ...

    problem = problem_of(Plugin())
    assert "contxt" in problem and "chat" in problem


def test_a_default_value_is_refused() -> None:
    class Plugin:
        @hookimpl
        def chat(self, call: ChatCall, context: object = None) -> None: ...

    assert "'chat' gives an argument a default value" in problem_of(Plugin())


def test_arguments_that_cannot_be_handed_over_by_name() -> None:
    class Keywords:
        @hookimpl
        def chat(self, **everything: object) -> None: ...

    class KeywordOnly:
        @hookimpl
        def chat(self, *, call: ChatCall) -> None: ...

    for plugin in (Keywords(), KeywordOnly()):
        assert "name its arguments plainly" in problem_of(plugin)


def test_wrappers_are_refused() -> None:
    class New:
        @hookimpl(wrapper=True)
        def chat(self) -> Any:
            return (yield)

    class Old:
        @hookimpl(hookwrapper=True)
        def chat(self) -> Any:
            yield

    for plugin in (New(), Old()):
        assert "'chat' is a wrapper" in problem_of(plugin)


def test_an_override_without_the_marker_is_refused() -> None:
    class Plugin(Good):
        def models(self) -> list[ModelCard]:
            return []

    assert problem_of(Plugin()) == "L06: Plugin.models overrides a hook without @router.hookimpl: add it"


def test_an_override_with_the_marker_is_the_one_that_is_called() -> None:
    class Plugin(Good):
        @staticmethod
        @hookimpl
        def models() -> list[ModelCard]:
            return [ModelCard("two")]

    hook = registry_of(acme=Plugin()).hook("acme", "models")
    assert hook is not None
    assert hook(context=None) == [ModelCard("two")]


def test_a_class_instead_of_an_instance() -> None:
    assert "gives the class Good; it must give a module or an instance" in problem_of(Good)


def test_a_plugin_without_hooks() -> None:
    assert "mark its functions with @router.hookimpl" in problem_of(object())


def test_a_module_is_a_plugin_too() -> None:
    def models() -> list[ModelCard]:
        return []

    module = ModuleType("acme")
    module.models = hookimpl(models)  # type: ignore[attr-defined]
    assert registry_of(acme=module).plugins["acme"].roles == ("provider",)


# Calls.


class Recording:
    """Notes what it is called with."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    @hookimpl
    def chat(self, call: ChatCall) -> Reply:
        self.calls.append(call)
        return Reply([], read_usage=lambda value: None, read_error=lambda value: UpstreamError("server", "x"))


def test_an_addressed_call_reaches_that_plugin_alone_and_fewer_arguments_do() -> None:
    one, two = Recording(), Recording()
    registry = registry_of(one=one, two=two)
    chat = registry.hook("one", "chat")
    assert chat is not None
    call = ChatCall("req_1", "one/model", {"messages": []})
    chat(call=call, context="not taken")
    assert (one.calls, two.calls) == ([call], [])


def test_a_hook_that_is_not_offered_is_none() -> None:
    registry = registry_of(one=Recording())
    assert registry.hook("one", "embeddings") is None
    assert registry.hook("nobody", "chat") is None
    assert [plugin.name for plugin in registry.having("chat")] == ["one"]


class Observer:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen: list[CallRecord] = []

    @hookimpl
    def request_finished(self, record: CallRecord) -> None:
        self.seen.append(record)
        if self.error is not None:
            raise self.error


def test_one_failing_observer_is_logged_and_the_others_still_run(caplog: pytest.LogCaptureFixture) -> None:
    observers = {"a": Observer(), "b": Observer(ValueError("disk full")), "c": Observer()}
    registry = registry_of(**observers)
    with caplog.at_level(logging.ERROR):
        registry.broadcast("request_finished", record="the record")
    assert [observer.seen for observer in observers.values()] == [["the record"]] * 3
    assert "plugin b failed in hook request_finished" in caplog.text
    assert "disk full" in caplog.text


def test_a_plugin_that_is_told_nothing_it_did_not_ask_for() -> None:
    registry_of(one=Recording()).notify("one", "startup", context=None)


# Replies.


def test_a_reply_is_released_though_its_generator_never_began() -> None:
    released, finished = [], []

    def batches() -> Any:
        try:
            yield []
        finally:
            finished.append(True)  # never reached: the generator was not started

    def no_usage(value: Any) -> Usage | None:
        return None

    reply = Reply(
        batches(),
        read_usage=no_usage,
        read_error=lambda value: UpstreamError("server", "x"),
        close=lambda: released.append(True),
    )
    reply.close()
    reply.close()
    assert (released, finished) == ([True], [])


# The load rules, as the documentation numbers them.


def test_the_page_for_authors_lists_every_load_rule() -> None:
    page = Path(__file__).parents[2].joinpath("docs/plugins.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (L\d\d) \|", page, re.MULTILINE) == list(LOAD_RULES)


def test_a_plugin_for_newer_hooks_is_refused_naming_both_versions() -> None:
    class Plugin(Good):
        requires_hooks = "7.1"

    problem = problem_of(Plugin())
    assert problem.startswith("L04: it needs the hooks of version 7.1, and this gateway has ")
    assert "pip install --upgrade tollrouter" in problem


@pytest.mark.parametrize("version", [HOOKS_VERSION, "0", "0.0.9", f"{HOOKS_VERSION}.0"])
def test_a_plugin_for_these_hooks_or_older_ones_loads(version: str) -> None:
    plugin = Good()
    plugin.requires_hooks = version  # type: ignore[attr-defined]
    assert registry_of(acme=plugin).plugins["acme"].state == "loaded"


@pytest.mark.parametrize("version", [0.2, "", ">=0.2", "latest"])
def test_a_version_of_hooks_that_is_none(version: object) -> None:
    plugin = Good()
    plugin.requires_hooks = version  # type: ignore[attr-defined]
    assert "requires_hooks must be a text such as" in problem_of(plugin)


def test_a_missing_module_is_named_but_no_package_of_unknown_owner() -> None:
    problem = problem_of(ModuleNotFoundError("No module named 'tiktoken.core'", name="tiktoken.core"))
    assert problem.startswith("L03: ") and "the module 'tiktoken'" in problem and "acme-plugin" in problem
    assert "pip install" not in problem


def test_a_name_that_the_gateway_does_not_have_means_another_version() -> None:
    problem = problem_of(ImportError("cannot import name 'Images' from 'router'", name="router"))
    assert "pip install --upgrade tollrouter" in problem


@pytest.mark.parametrize(
    ("name", "better"), [("Acme/Fast", "acme-fast"), ("acme corp", "acme-corp"), ("9lives", "lives")]
)
def test_a_bad_name_is_answered_with_one_that_is_allowed(name: str, better: str) -> None:
    problem = problem_of(Good(), name)
    assert problem.startswith("L01: ") and repr(better) in problem
