"""What ``router init --profile`` writes: keys, currency, policies and limits of each system."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from profile_shop import PROFILES, Shop, dialect_of, open_shop

from router.config.file import load_settings
from router.testing import CommandFailed, Gateway

pytestmark = pytest.mark.slow

EXPECTED = {
    "nexgate": ("USD", "prepaid", None),
    "nexorouter": ("USD", "prepaid", 300),
    "neurongate": ("USD", "prepaid", 60),
    "aigateway": ("TMT", "postpaid", None),
}
_NAMED = re.compile(r"\b(?:nex[-_]?gate|nexo[-_]?router|neuron[-_]?gate|ai[-_]?gateway)\b", re.IGNORECASE)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_preset_says_what_the_system_is(tmp_path: Path, profile: str) -> None:
    path = tmp_path / "router.toml"
    path.write_text(dialect_of(profile).preset, encoding="utf-8")
    settings = load_settings(path, {})
    limits = settings.limits
    told = (settings.gateway.currency, *settings.gateway.billing, limits.requests_per_minute)
    assert told == EXPECTED[profile]
    assert settings.gateway.profile == profile
    assert settings.gateway.rate_limit == ("windows",)
    assert settings.gateway.only_offers and settings.gateway.streaming
    assert settings.plugins.disabled == ("echo",)
    if profile == "neurongate":
        assert (limits.spend_per_day, limits.spend_per_month) == ("100", "1000")
    if profile == "aigateway":
        assert settings.billing.usd_rate == "3.5"


@pytest.mark.parametrize("profile", PROFILES)
def test_what_a_preset_shows_as_comments_can_be_switched_on(tmp_path: Path, profile: str) -> None:
    """Every commented example, without its '#', is a key that is known and a value that fits."""
    text = re.sub(r'^# ?(?=(?:"[^"]+"|\w+) = |\[limits\.)', "", dialect_of(profile).preset, flags=re.MULTILINE)
    path = tmp_path / "router.toml"
    path.write_text(text, encoding="utf-8")
    settings = load_settings(path, {})
    assert settings.aliases["fast"] and settings.prices and settings.fallbacks and settings.limits.tiers["gold"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_route_of_an_offer_has_a_provider_in_the_preset(profile: str) -> None:
    dialect = dialect_of(profile)
    sections = tomllib.loads(dialect.preset)["providers"]
    for offer in dialect.offers:
        for route in offer.routes:
            assert route.partition("/")[0] in sections, (offer.id, route)


@pytest.mark.row("NG-11", "NE-2", "AG-5")
def test_keys_look_like_the_systems_own(shop: Shop) -> None:
    made = shop.gateway.router("keys", "create", "--account", shop.account(), "--name", "mine")["api_key"]
    for key in (shop.gateway.api_key, made):
        assert key.startswith(shop.profile.key_start)
        assert len(key) == shop.profile.key_length
        assert key.removeprefix(shop.profile.key_start).isalnum()


def test_the_first_key_works_and_has_the_starting_credit(shop: Shop) -> None:
    answer = shop.chat(headers={"Authorization": f"Bearer {shop.gateway.api_key}"})
    assert answer.status == 200
    assert shop.gateway.router("accounts", "show", shop.gateway.account)["currency"] == EXPECTED[shop.profile.name][0]


def test_a_preset_checks_out(shop: Shop) -> None:
    assert shop.gateway.router("config", "check")["ok"]


@pytest.mark.row("NX-2")
def test_streams_can_be_switched_off(tmp_path: Path) -> None:
    with open_shop(PROFILES["nexorouter"], tmp_path, {"gateway": {"streaming": False}}) as shop:
        refused = shop.chat(shop.key(), stream=True)
        assert refused.status == 400
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_request_error")
        assert "streaming" in error["message"].lower()
        assert shop.chat(shop.key()).status == 200


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"gateway": {"currncy": "USD"}}, "currncy"),
        ({"gateway": {"profile": "nexgat"}}, "nexgat"),
        ({"limits": {"requests_per_minute": "sixty"}}, "[limits] requests_per_minute"),
        ({"plugins": {"disabled": ["nexgate"]}}, "disabled"),
    ],
)
def test_a_preset_edited_into_nonsense_is_refused(tmp_path: Path, edit: dict[str, object], told: str) -> None:
    gateway = Gateway(tmp_path, profile="nexgate", config=edit, start=False)
    with pytest.raises(CommandFailed) as caught:
        gateway.router("serve", "--port", "0")
    assert told in caught.value.stderr and "router.toml" in caught.value.stderr


def test_the_host_names_no_profile() -> None:
    """What differs between profiles comes from their dialects."""
    root = Path(__file__).resolve().parents[2] / "router"
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in root.rglob("*")
        if path.suffix in (".py", ".toml")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _NAMED.search(line)
    ]
    assert not found
