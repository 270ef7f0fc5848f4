"""What images cost by their size and quality: the tiers of a price that name these, chosen before a call.

A price for each image alone is one for what a body that names no size gets: images of up to 1024 x 1024 pixels, of
usual quality. What costs more has to be named by a tier.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from router.money.prices import ALL_RATES, Price, PriceTier

__all__ = ["ANY", "AskedImage", "image_price", "unpriced_image"]

ANY = "*"
"""In a tier: every size, or every quality."""
_USUAL_PIXELS = 2**20
_USUAL_SIZES = frozenset({"", "auto"})
_USUAL_QUALITIES = frozenset({"", "auto", "low", "medium", "standard"})
_PIXELS = re.compile(r"([0-9]{1,5})x([0-9]{1,5})", re.ASCII)


class AskedImage(NamedTuple):
    """What a call asks of its images.

    Attributes:
        sizes: each that it names, ``1024x1024`` or as its provider has it.
        quality: empty where it names none.
    """

    sizes: tuple[str, ...] = ()
    quality: str = ""


def image_price(price: Price, asked: AskedImage) -> Price | None:
    """The price of such images, without tiers for others; None where nothing says what they cost.

    Of several tiers that name them, the last counts. It has to name whatever is unusual of them.
    """
    named = [tier for tier in price.tiers if tier.sizes or tier.qualities]
    if not named and not price.per_image:
        return price
    fitting = [tier for tier in price.tiers if _fits(tier, asked)]
    chosen = next((tier for tier in reversed(fitting) if tier.sizes or tier.qualities), None)
    found = _merged(price, fitting)
    if found.per_image and _unnamed(asked, chosen):
        return None
    return found


def unpriced_image(price: Price, asked: AskedImage) -> tuple[str, str]:
    """The field, and what it says, for which ``image_price`` has no price."""
    fitting = [tier for tier in price.tiers if _fits(tier, asked) and (tier.sizes or tier.qualities)]
    return _unnamed(asked, fitting[-1] if fitting else None) or ("size", "")


def _merged(price: Price, tiers: list[PriceTier]) -> Price:
    """A price with tiers that name images and fit: those without another condition are its own rates now."""
    left: list[PriceTier] = []
    for tier in tiers:
        bare = replace(tier, sizes=(), qualities=())
        if tier != bare and bare.above_tokens is None and not bare.hours:
            given = {name: rate for name in ALL_RATES if (rate := getattr(bare, name)) is not None}
            price, left = replace(price, **given), []  # it holds always, so that none before it counts
        else:
            left.append(bare)
    return replace(price, tiers=tuple(left))


def _fits(tier: PriceTier, asked: AskedImage) -> bool:
    sizes = not tier.sizes or ANY in tier.sizes or any(size in tier.sizes for size in asked.sizes)
    return sizes and (not tier.qualities or ANY in tier.qualities or asked.quality in tier.qualities)


def _unnamed(asked: AskedImage, tier: PriceTier | None) -> tuple[str, str] | None:
    """What is unusual of images and not named by a tier: the field, and what it says."""
    sizes, qualities = ((), ()) if tier is None else (tier.sizes, tier.qualities)
    for size in asked.sizes:
        if not _is_usual(size) and size not in sizes and ANY not in sizes:
            return "size", size
    if asked.quality not in _USUAL_QUALITIES and asked.quality not in qualities and ANY not in qualities:
        return "quality", asked.quality
    return None


def _is_usual(size: str) -> bool:
    found = _PIXELS.fullmatch(size)
    return size in _USUAL_SIZES or (found is not None and int(found[1]) * int(found[2]) <= _USUAL_PIXELS)
