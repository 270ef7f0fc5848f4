"""What the four profiles offer, against the tables of their texts."""

from __future__ import annotations

import pytest
from profile_shop import PROFILES, dialect_of

from router.errors import ConfigError
from router.money.amounts import format_nano
from router.money.prices import is_complete
from router.types.offers import Offer, load_offers

NEXGATE_TABLE = """
gpt-5.5openaifrontier400K$5.00$30.00
gpt-5openaifrontier400K$1.25$10.00
gpt-5.4openaifrontier400K$2.50$15.00
gpt-4oopenaifrontier128K$2.50$10.00
gpt-4.1openaifrontier1,047,576$2.00$8.00
o4-miniopenaireasoning200K$1.10$4.40
gpt-5.4-miniopenaistandard400K$0.40$1.60
gpt-4.1-miniopenaistandard1,047,576$0.40$1.60
gpt-5.4-nanoopenaiefficient400K$0.10$0.40
gpt-4.1-nanoopenaiefficient1,047,576$0.10$0.40
deepseek-v4-prodeepseekfrontier128K$1.93$3.83
deepseek-v3.2-specialedeepseekfrontier128K$0.40$0.80
deepseek-v3.2deepseekstandard128K$0.28$0.42
deepseek-v4-flashdeepseekefficient128K$0.14$0.28
kimi-k2.6moonshotfrontier256K$0.95$4.00
kimi-k2.5moonshotstandard256K$0.60$2.50
grok-4-3xaifrontier128K$1.25$2.50
grok-4-20-reasoningxaireasoning128K$1.25$2.50
grok-4-1-fast-reasoningxaireasoning128K$0.20$0.50
llama-3.3-70b-instructmetastandard128K$0.13$0.40
llama-4-maverickmetastandard512K$0.18$0.70
llama-4-scoutmetaefficient512K$0.10$0.35
"""
"""The fallback catalogue as the text has it: a table that has lost its columns."""

CATEGORIES = {"frontier", "premium", "reasoning", "standard", "efficient"}
FAMILIES = {"openai", "deepseek", "moonshot", "xai", "meta"}


def offers_of(profile: str) -> dict[str, Offer]:
    return {offer.id: offer for offer in dialect_of(profile).offers}


def squeezed(offer: Offer) -> str:
    """An offer as a line of the table."""
    assert offer.price is not None and offer.context_window is not None
    assert offer.price.input is not None and offer.price.output is not None
    window = offer.context_window
    shown = f"{window // 1000}K" if window % 1000 == 0 else f"{window:,}"
    prices = f"${format_nano(offer.price.input, 2)}${format_nano(offer.price.output, 2)}"
    return f"{offer.id}{offer.provider}{offer.category}{shown}{prices}"


@pytest.mark.row("NG-2", "NG-5")
def test_nexgate_offers_the_table_in_its_order() -> None:
    """The text speaks of 23 IDs, but names 22 of them: an ID that nobody knows cannot be shipped."""
    table = NEXGATE_TABLE.split()
    assert [squeezed(offer) for offer in dialect_of("nexgate").offers] == table
    assert len(table) == 22


def test_nexgate_says_of_each_model_what_a_picker_shows() -> None:
    for offer in dialect_of("nexgate").offers:
        assert offer.display_name and offer.hint and offer.badge, offer.id
        assert offer.category in CATEGORIES and offer.provider in FAMILIES
        assert offer.routes[0].startswith(f"{offer.provider}/")
    mini = offers_of("nexgate")["gpt-4.1-mini"]
    assert (mini.display_name, mini.hint, mini.badge) == ("GPT-4.1 Mini", "Reliable workhorse", "1M ctx")


@pytest.mark.row("NX-11", "NE-1", "AG-2")
@pytest.mark.parametrize(
    ("profile", "named"),
    [
        ("nexorouter", ["deepseek-v4-flash", "gpt-4o-mini", "Qwen/Qwen-Plus"]),
        ("neurongate", ["openai/gpt-4o", "anthropic/claude-sonnet-4", "meta-llama/llama-3-70b"]),
        ("aigateway", ["llama-3.1-70b", "nomic-embed-text", "mxbai-embed-large"]),
    ],
)
def test_the_models_of_a_text_are_offered(profile: str, named: list[str]) -> None:
    assert set(named) <= set(offers_of(profile))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_offer_is_priced_and_has_a_window(profile: str) -> None:
    for offer in dialect_of(profile).offers:
        assert offer.price is not None and is_complete(offer.price, offer.kind), offer.id
        assert offer.context_window, offer.id


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('["m"]\nroutes = ["a/m"]\nhnit = "x"', "hnit"),
        ('["m"]\nroutes = ["a/m"]\nprice = { input = 2.5 }', "input: 2.5 is not an amount"),
    ],
)
def test_bad_data_names_file_and_model(tmp_path, text: str, problem: str) -> None:
    path = tmp_path / "offers.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"^offers.toml: model 'm': .*{problem}"):
        load_offers(path)
