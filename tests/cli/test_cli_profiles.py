"""Profiles of third parties on the command line: their presets, what becomes of edited ones, and faulty dialects."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PLUGIN = '''
from router import Dialect, Offer, Price, hookimpl

class Kiosk(Dialect):
    key_prefix, key_length = "ki-", 24
    offers = (Offer("daily", ("openai/gpt-4o",), Price.per_million(input="2", output="8")),)
    preset = """# A kiosk.
[gateway]
profile = "kiosk"
currency = "TMT"

[billing]
usd_rate = "3.5"
"""

class Plugin:
    @hookimpl
    def dialect(self):
        return Kiosk()

plugin = Plugin()
'''


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs the plugin; what is given is code that changes its dialect."""
    site = tmp_path / "site"
    metadata = site / "router_kiosk-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: router-kiosk\nVersion: 0.1.0\n")
    metadata.joinpath("entry_points.txt").write_text("[router]\nkiosk = router_kiosk:plugin\n")
    monkeypatch.syspath_prepend(str(site))

    def put(extra: str = "") -> None:
        site.joinpath("router_kiosk.py").write_text(PLUGIN + extra, encoding="utf-8")
        sys.modules.pop("router_kiosk", None)
        importlib.invalidate_caches()

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    put()
    yield put
    sys.modules.pop("router_kiosk", None)


@pytest.fixture
def stall(bare: Any, kiosk: Callable[..., None]) -> Any:
    """A gateway of that profile; ``first`` is what ``init`` said."""
    bare.first = bare.json("init", "--profile", "kiosk", "--dir", str(bare.folder))
    return bare


def test_init_writes_the_preset_as_it_stands(stall: Any) -> None:
    text = stall.config.read_text(encoding="utf-8")
    assert text.startswith("# A kiosk.\n") and tomllib.loads(text)["gateway"]["profile"] == "kiosk"


def test_the_first_key_and_credit_are_the_profiles(stall: Any) -> None:
    assert re.fullmatch(r"ki-\w{24}", stall.first["api_key"])
    assert (stall.first["credit"], stall.first["currency"]) == ("5", "TMT")
    assert stall.json("accounts", "show", stall.first["account"])["balance"] == "5"


def test_offers_are_in_the_list_whether_or_not_they_are_set_up(stall: Any) -> None:
    (row,) = (one for one in stall.json("models", "list") if one["id"] == "daily")
    assert (row["source"], row["available"], row["price"]["input"]) == ("profile", False, "7")
    (row,) = (one for one in stall.json("models", "list", env={"OPENAI_API_KEY": "sk-x"}) if one["id"] == "daily")
    assert (row["available"], row["provider"], row["model"]) == (True, "openai", "gpt-4o")
    assert stall.json("models", "price", "daily")["source"] == "profile"
    assert "set the environment variable OPENAI_API_KEY" in stall.refused("routes", "explain", "daily")


def test_an_offer_is_estimated_before_its_provider_is_set_up(stall: Any) -> None:
    tokens = ("--prompt-tokens", "1000000", "--completion-tokens", "1000000")
    found = stall.json("models", "price", "daily", "--estimate", *tokens)
    assert [found[name] for name in ("input", "output", "charge", "hold")] == ["7", "28", "35", "35"]
    stall.json("models", "price", "daily", "--input", "1", "--output", "1")
    assert stall.json("models", "price", "daily", "--estimate", *tokens)["charge"] == "2"


def test_a_key_given_by_mistake_is_not_kept_in_the_audit_log(stall: Any) -> None:
    made = stall.json("keys", "create", "--account", stall.first["account"], "--name", stall.first["api_key"])
    assert made["name"] == stall.first["api_key"]
    assert stall.first["api_key"] not in str(stall.json("audit", "show"))


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ('"TMT"', '"tmt"', ["line 4: [gateway] currency", "write its code in capitals"]),
        ('profile = "kiosk"', 'profile = "kisok"', ["line 3: [gateway] profile", "did you mean 'kiosk'?"]),
        ('"3.5"', '"dear"', ["line 7: [billing] usd_rate", "not an amount"]),
        ("[billing]", "[biling]", ["line 6: [biling]", "did you mean [billing]?"]),
        ("currency", "curency", ["line 4: [gateway] curency", "currency"]),
        ("currency =", 'upstream = "opnai"\ncurrency =', ["line 4: [gateway] upstream", "did you mean 'openai'?"]),
        ("currency =", 'only_offers = "yes"\ncurrency =', ["line 4: [gateway] only_offers", "true or false"]),
        ("currency =", 'billing = "postpad"\ncurrency =', ["line 4: [gateway] billing", "did you mean 'postpaid'?"]),
        ("[billing]", "[billing", ["is not valid TOML", "line 6"]),
    ],
)
def test_a_preset_that_was_edited_into_nonsense_is_refused_at_the_start(
    stall: Any, old: str, new: str, parts: list[str]
) -> None:
    text = stall.config.read_text(encoding="utf-8")
    stall.config.write_text(text.replace(old, new), encoding="utf-8")
    said = stall.refused("config", "check")
    assert str(stall.config) in said
    assert [part for part in parts if part not in said] == []
    assert stall("serve", "--port", "0").status == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("Kiosk.health_paths = ('/healthz',)", "/healthz is the path of two things"),
        ("Kiosk.catalogue_paths = ('models',)", "catalogue_paths: 'models' is no path"),
        ("Kiosk.key_length = 3", "key_length must be from 20 to 128, not 3"),
        ("Kiosk.offers = Kiosk.offers * 2", "it offers 'daily' twice"),
        ("Kiosk.offers = (Offer('x', ('gpt',)),)", "its offer 'x' has the route 'gpt': write \"provider/model\""),
        ("Kiosk.offers = (Offer('x', ()),)", "its offer 'x' has no route"),
        ("Kiosk.offers = (Offer('x', ('a/b',), Price(input=1)),)", "its offer 'x' has a price without"),
        ("Kiosk.offers = (Offer('x', ('a/b',), kind='song'),)", "its offer 'x' is of the kind 'song'"),
        ("Plugin.dialect = hookimpl(lambda self: 'kiosk')\nplugin = Plugin()", "it is no router.Dialect, but a str"),
    ],
)
def test_a_dialect_that_cannot_be_served_is_refused(stall: Any, kiosk: Any, change: str, said: str) -> None:
    kiosk(f"\n{change}\n")
    message = stall.refused("config", "check")
    assert "line 3: [gateway] profile: the dialect of the plugin 'kiosk' cannot be served: " in message
    assert said in message


@pytest.mark.parametrize("preset", ["[gateway", "[server]\\nport = 1"])
def test_a_preset_that_is_no_configuration_leaves_nothing(bare: Any, kiosk: Any, preset: str) -> None:
    kiosk(f'\nKiosk.preset = "{preset}"\n')
    assert "the preset of 'kiosk'" in bare.refused("init", "--profile", "kiosk", "--dir", str(bare.folder))
    assert not bare.config.exists()
