"""What images cost by their size and quality."""

from __future__ import annotations

from typing import Any

import pytest

from router.money.image_prices import AskedImage, image_price, unpriced_image
from router.money.price_text import keep_price, kept_price, read_price, show_price
from router.money.prices import Price, dearest, rates

FLAT = read_price({"per_image": "0.04"})
SIZED = read_price(
    {
        "per_image": "0.04",
        "tiers": [
            {"above_tokens": 100, "per_image": "0.05"},
            {"sizes": ["2k"], "per_image": "0.08"},
            {"sizes": ["2k"], "hours": ["00:00-06:00"], "per_image": "0.06"},
            {"qualities": ["hd", "max"], "per_image": "0.10", "input": "3"},
        ],
    }
)
NOON, NIGHT = 43_200.0, 3_600.0


def each(price: Price | None, at: float = NOON, prompt: int = 1) -> int | None:
    """Millionths of the currency for an image."""
    if price is None:
        return None
    units = rates(price, at, prompt).units
    assert units is not None and units.per_image <= dearest(price, at, prompt).units.per_image  # type: ignore[union-attr]
    return units.per_image // 1000


@pytest.mark.parametrize(
    ("sizes", "quality", "at", "prompt", "cost"),
    [
        ((), "", NOON, 1, 40_000),
        ((), "", NOON, 101, 50_000),
        (("1024x1024",), "low", NOON, 1, 40_000),
        (("2k",), "", NOON, 1, 80_000),
        (("2k",), "", NOON, 101, 80_000),
        (("2k",), "standard", NIGHT, 1, 60_000),
        ((), "hd", NIGHT, 1, 100_000),
        (("2k",), "hd", NOON, 1, None),
        (("4k",), "", NOON, 1, None),
        (("2k", "4k"), "", NOON, 1, None),
        ((), "ultra", NOON, 1, None),
    ],
)
def test_the_last_tier_that_names_it_counts(
    sizes: tuple[str, ...], quality: str, at: float, prompt: int, cost: int | None
) -> None:
    assert each(image_price(SIZED, AskedImage(sizes, quality)), at, prompt) == cost


@pytest.mark.parametrize(
    ("size", "usual"),
    [
        *((size, True) for size in ("", "auto", "256x256", "1024x1024", "2048x512")),
        *((size, False) for size in ("1024x1025", "1536x1024", "99999x99999", "2k", "16:9", "x", "1024x", "-1x1")),
    ],
)
def test_a_flat_price_is_one_for_usual_images(size: str, *, usual: bool) -> None:
    asked = AskedImage((size,))
    assert (image_price(FLAT, asked) == FLAT) is usual
    if not usual:
        assert image_price(FLAT, asked) is None and unpriced_image(FLAT, asked) == ("size", size)
    everything = read_price({"per_image": "0.04", "tiers": [{"sizes": ["*"], "per_image": "0.04"}]})
    assert each(image_price(everything, asked)) == 40_000


def test_images_that_are_paid_by_tokens_or_not_at_all_may_be_of_any_size() -> None:
    for table in ({"input": "5", "output": "40", "per_image": "0"}, {"input": "5", "output": "40"}, {"free": True}):
        price = read_price(table)
        assert image_price(price, AskedImage(("4k",), "hd")) == price


def test_tiers_of_images_hold_for_no_other_call() -> None:
    assert rates(SIZED, NOON, 1) == rates(FLAT, NOON, 1) and dearest(SIZED, NOON, 1) == dearest(FLAT, NOON, 1)


def test_they_survive_being_kept_and_shown() -> None:
    assert kept_price(keep_price(SIZED)) == SIZED == read_price(show_price(SIZED))


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        ({"sizes": "2k"}, 'sizes: must be a list of texts such as "1792x1024"'),
        ({"qualities": [""]}, 'qualities: must be a list of texts such as "hd"'),
        ({"sizes": []}, "says neither above_tokens nor hours, sizes or qualities"),
    ],
)
def test_tiers_that_are_refused(tier: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"tiers\[0\]: ") as refused:
        read_price({"per_image": "1", "tiers": [{**tier, "per_image": "2"}]})
    assert said in str(refused.value)
