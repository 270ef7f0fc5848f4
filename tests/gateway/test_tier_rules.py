"""Which tier follows which, as ``[limits.tiers]`` says it, and what is refused of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.app.config_rules import check_rules
from router.charging.tier_ladder import TierStep, tier_ladder
from router.config.file import Settings, load_settings
from router.errors import ConfigError


def settings(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "router.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, {})


def tier(name: str, after: str = "", more: str = "days = 1") -> str:
    return f"[limits.tiers.{name}]\n" + (f'after = "{after}"\n{more}\n' if after else "")


def test_a_ladder_begins_at_any_tier_or_at_none(tmp_path: Path) -> None:
    text = tier("b", "a", 'paid = "2.5"') + tier("a") + tier("first", "none") + tier("c", "b", 'days = 3\npaid = "9"')
    assert tier_ladder(settings(tmp_path, text)) == {
        "": TierStep("first", 1, 0),
        "a": TierStep("b", 0, 2_500_000_000),
        "b": TierStep("c", 3, 9 * 10**9),
    }
    assert tier_ladder(settings(tmp_path, tier("gold"))) == {}


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (tier("gold", "silvr") + tier("silver"), "line 2: [limits.tiers.gold] after", "there is no tier 'silvr'"),
        (tier("gold", "silver"), "line 2: [limits.tiers.gold] after", "write [limits.tiers.silver]"),
        (tier("gold", "gold"), "line 2: [limits.tiers.gold] after", "in a circle: gold -> gold"),
        (tier("a", "c") + tier("b", "a") + tier("c", "b"), "after", "in a circle: c -> a -> b -> c"),
        (tier("a") + tier("b", "a") + tier("c", "a"), "line 6: [limits.tiers.c] after", "'b' follows 'a' already"),
        (tier("a", "none", "days = -1"), "line 3: [limits.tiers.a] days", "must be"),
        (tier("a", "none", 'paid = "-1"'), "line 3: [limits.tiers.a] paid", "not an amount"),
        (tier("a", "none", 'paid = "2000000000"'), "line 3: [limits.tiers.a] paid", "more than an account can have"),
        (tier("a", "none", ""), "line 2: [limits.tiers.a] after", "after goes with days, paid or both"),
        ("[limits.tiers.a]\ndays = 3\n", "line 1: [limits.tiers.a]", "after goes with days, paid or both"),
    ],
)
def test_what_is_no_ladder_is_refused_with_its_place(tmp_path: Path, text: str, place: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_rules(settings(tmp_path, text))
    assert place in str(caught.value) and reason in str(caught.value)
