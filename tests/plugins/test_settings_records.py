"""A plugin's own settings: whatever dataclass it declares, checked, and handed to it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from router import Dialect, Secret, StartupContext, hookimpl
from router.app.config_rules import plugin_records
from router.config.convert import build_record
from router.config.file import load_settings
from router.errors import ConfigError
from router.plugin_host.registry import registry_of


def build(kind: type, **data: Any) -> Any:
    def locate(path: str) -> str:
        return f"here: {path}"

    return build_record(kind, data, locate=locate, secret=Secret)


@dataclass(frozen=True)
class Inner:
    depth: int = 1


@dataclass(frozen=True)
class Everything:
    name: str
    count: int = field(default=1, metadata={"min": 1, "max": 9})
    rate: float = 0.5
    on: bool = True
    key: Secret = field(default=Secret())
    colour: str = field(default="red", metadata={"one_of": ("red", "blue")})
    maybe: int | None = None
    names: tuple[str, ...] = ()
    inner: Inner = field(default=Inner())
    inners: tuple[Inner, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    load: str = "a key may have any name"


def test_every_kind_of_key() -> None:
    record = build(
        Everything,
        name="x",
        count=2,
        rate=1,
        on=False,
        key="k",
        colour="blue",
        maybe=3,
        names=["a"],
        inner={"depth": 2},
        inners=[{"depth": 3}, {}],
        labels={"a": "b"},
        load="y",
    )
    assert record == Everything(
        "x", 2, 1.0, False, Secret("k"), "blue", 3, ("a",), Inner(2), (Inner(3), Inner()), {"a": "b"}, "y"
    )
    assert build(Everything, name="x") == Everything("x")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "here: name: is required"),
        ({"name": "x", "count": 10}, "here: count: must be from 1 to 9, not 10"),
        ({"name": "x", "colour": "green"}, "here: colour: must be one of red, blue, not 'green'"),
        ({"name": "x", "inner": {"dept": 1}}, "here: inner.dept: unknown key; did you mean 'depth'?"),
        ({"name": "x", "inner": []}, "here: inner: must be a table"),
        ({"name": "x", "inners": [{}, {"depth": "1"}]}, "here: inners.1.depth: must be a whole number, not '1'"),
        ({"name": "x", "labels": {"a": 1}}, "must be text, not 1"),
        ({"name": "x", "nam": "y"}, "here: nam: unknown key; did you mean 'name'?"),
    ],
)
def test_a_mistake_is_named(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Everything, **data)
    assert said in str(caught.value)


def test_a_records_own_check_is_heard() -> None:
    @dataclass(frozen=True)
    class Checked:
        low: int = 0

        def __post_init__(self) -> None:
            if self.low > 5:
                raise ValueError("low must be at most 5")

    with pytest.raises(ConfigError, match="low must be at most 5"):
        build(Checked, low=6)


def test_declarations_that_are_no_use() -> None:
    @dataclass(frozen=True)
    class Lists:
        names: list[str] = field(default_factory=list)

    for kind in (Lists, dict):
        with pytest.raises(ConfigError, match="the settings record that the plugin declares is no use"):
            build(kind)


@dataclass(frozen=True)
class WatcherSettings:
    url: str = "default"
    token: Secret = field(default=Secret())


class Watcher:
    """A plugin that is no provider."""

    def __init__(self) -> None:
        self.context: StartupContext | None = None

    @hookimpl
    def settings(self) -> type:
        return WatcherSettings

    @hookimpl
    def startup(self, context: StartupContext) -> None:
        self.context = context


class Shape:
    @hookimpl
    def dialect(self) -> Dialect:
        return Dialect()


def records(folder: Path, text: str, **plugins: Any) -> dict[str, Any]:
    file = folder / "router.toml"
    file.write_text(text, encoding="utf-8")
    return plugin_records(load_settings(file, {"TOKEN": "secret-token"}), registry_of(**plugins))


def test_a_plugin_sees_its_own_section_alone(tmp_path: Path) -> None:
    text = "[plugins.one]\nurl = 'a'\ntoken = 'env:TOKEN'\n[plugins.two]\nurl = 'b'"
    found = records(tmp_path, text, one=Watcher(), two=Watcher(), three=Watcher(), shape=Shape())
    assert {name: record.url for name, record in found.items()} == {"one": "a", "two": "b", "three": "default"}
    assert found["one"].token.reveal() == "secret-token"
    assert "secret-token" not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[plugins.one]\nulr = 'a'", "line 2: [plugins.one] ulr: unknown key; did you mean 'url'?"),
        ("[plugins.won]\nurl = 'a'", "no plugin is called 'won'; did you mean 'one'?"),
        ("[plugins.shape]\nurl = 'a'", "plugin 'shape' takes no settings here"),
    ],
)
def test_a_wrong_section_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        records(tmp_path, text, one=Watcher(), shape=Shape())
    assert said in str(caught.value)
