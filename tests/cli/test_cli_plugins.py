"""``router plugins list``: what operators see of other people's plugins, the refused ones with the remedy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.plugin_host.grades import UNKNOWN, grade_of, keep_grade, kept_grades
from router.plugin_host.registry import Plugin
from router.testing import CommandFailed, Gateway, GatewayFailed

pytestmark = pytest.mark.slow

Install = Callable[[Path, str, str, str], None]

FREE = """
from router import Claim, hookimpl

class Free:
    @hookimpl
    def billing_claims(self):
        return []

plugin = Free()
"""
BROKEN = {
    "lacking": ("import no_such_package\nplugin = None\n", "L03", "the module 'no_such_package'"),
    "newer": (f"{FREE}\nFree.requires_hooks = '99.0'\n", "L04", "pip install --upgrade tollrouter"),
    "Fast Corp": (FREE, "L01", "'fast-corp'"),
}


@pytest.fixture
def gateway(tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway that was set up, beside a good plugin of somebody else's and three that cannot be loaded."""
    site = tmp_path / "site"
    install(site, "router-free", "free", FREE)
    for name, (code, _, _) in BROKEN.items():
        install(site, f"router-{name.split()[0].lower()}", name, code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    with Gateway(tmp_path / "gateway", providers={"echo": {}}, start=False) as gateway:
        yield gateway


def listed(gateway: Gateway) -> dict[str, Any]:
    return {row["name"]: row for row in gateway.router("plugins", "list")}


def test_the_list_tells_what_a_plugin_is_and_why_one_is_refused(gateway: Gateway) -> None:
    rows = listed(gateway)
    assert {name: rows["free"][name] for name in ("version", "distribution", "state", "roles", "hooks")} == {
        "version": "2.3",
        "distribution": "router-free",
        "state": "loaded",
        "roles": ["billing"],
        "hooks": ["billing_claims"],
    }
    for name, (_, rule, remedy) in BROKEN.items():
        assert rows[name]["state"] == "failed"
        assert rows[name]["problem"].startswith(f"{rule}: ") and remedy in rows[name]["problem"]
        assert rows[name]["conformance"] == "unknown"


def test_a_whole_check_gives_the_grade_that_the_list_shows(gateway: Gateway) -> None:
    gateway.router("plugins", "check", "free", "--rule", "B01")
    assert listed(gateway)["free"]["conformance"] == "unknown"  # a part is no grade
    report = gateway.router("plugins", "check", "free")
    assert report["ok"]
    assert listed(gateway)["free"]["conformance"] == report["grade"]


def test_a_grade_holds_for_the_version_that_was_checked(tmp_path: Path) -> None:
    config = tmp_path / "router.toml"
    keep_grade(config, "free", "router-free", "2.3", "8/9")
    assert not kept_grades(config)  # without a configuration there is no place for it
    config.touch()
    keep_grade(config, "free", "router-free", "2.3", "8/9")
    keep_grade(config, "other", "router-other", "1", "1/1")
    grades = kept_grades(config)
    assert grade_of(Plugin("free", "router-free", "2.3", "loaded"), grades) == "8/9"
    for plugin in (
        Plugin("free", "router-free", "2.4", "loaded"),
        Plugin("free", "fork-of-free", "2.3", "loaded"),
        Plugin("free", "router-free", "2.3", "failed", "it broke"),
    ):
        assert grade_of(plugin, grades) == UNKNOWN


@pytest.mark.parametrize("text", ["{", "[]", '{"free": 3}', '{"free": {"distribution": "router-free"}}'])
def test_a_spoilt_file_of_grades_counts_as_none(text: str, tmp_path: Path) -> None:
    tmp_path.joinpath("conformance.json").write_text(text, encoding="utf-8")
    grades = kept_grades(tmp_path / "router.toml")
    assert grade_of(Plugin("free", "router-free", "2.3", "loaded"), grades) == UNKNOWN


def test_a_plugin_that_did_not_load_is_checked_for_nothing_and_told_why(gateway: Gateway) -> None:
    with pytest.raises(CommandFailed, match=r"L03: .*the module 'no_such_package'"):
        gateway.router("plugins", "check", "lacking")


def test_the_gateway_serves_with_the_others_unless_it_is_strict(gateway: Gateway) -> None:
    gateway.start()
    hello = [{"role": "user", "content": "Hello"}]
    assert gateway.client().chat.completions.create(model="echo/echo", messages=hello).choices
    gateway.stop()
    gateway.configure("[plugins]\nstrict = true\n")
    with pytest.raises(GatewayFailed, match=r"\[plugins\] strict = true"):
        gateway.start()
