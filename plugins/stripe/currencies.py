"""The currencies that Stripe charges in, and how it writes their amounts.

Stripe's integers are hundredths of most currencies, whole units of some, thousandths that end in 0 of a few. The host
is told what customers can pay: where Stripe wants zeros at the end, they are put there, and cut off again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from router.money import NANO, parse_nano

__all__ = ["Charged", "charged_in", "in_minor"]

_WHOLE = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THOUSANDTHS = "bhd jod kwd omr tnd"
_WHOLE_AS_HUNDREDTHS = "isk"
_HUNDREDTHS = """
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk
dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr lrd
lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar
sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer zar zmw
"""
_KINDS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(_HUNDREDTHS.split(), (2, 1)),
    **dict.fromkeys(_WHOLE.split(), (0, 1)),
    **dict.fromkeys(_THOUSANDTHS.split(), (2, 10)),
    **dict.fromkeys(_WHOLE_AS_HUNDREDTHS.split(), (0, 100)),
}
"""Code -> decimals that can be paid, and what they are multiplied with for Stripe."""

_LARGEST = 99_999_999
"""Stripe takes eight digits."""


class Charged(NamedTuple):
    """A currency as it is charged.

    Attributes:
        code: as the host writes it: ``USD``.
        decimals: digits behind the point that can be paid.
        zeros: what an amount of them is multiplied with for Stripe.
    """

    code: str
    decimals: int
    zeros: int

    def to_stripe(self, minor: int) -> int:
        """Stripe's integer for an amount of ours."""
        return minor * self.zeros

    def from_stripe(self, amount: int) -> int:
        """Our amount for Stripe's integer; a part of a minor unit counts as a whole one."""
        return -(-amount // self.zeros)

    @property
    def largest(self) -> int:
        """The largest amount, in minor units, that Stripe takes."""
        return _LARGEST // self.zeros


def charged_in(code: str) -> Charged:
    """The currency of a code, in whatever case.

    Raises:
        ValueError: Stripe does not charge in it: the reason, and what to do.
    """
    lower = code.lower()
    if lower in _KINDS:
        return Charged(lower.upper(), *_KINDS[lower])
    reason = "Stripe does not charge in it"
    if lower == "ugx":
        reason = "whether Stripe means whole shillings or hundredths by a number of it is not certain"
    raise ValueError(
        f"currency = {code!r}: {reason}. Set one that it does charge in, such as usd or eur: the gateway converts what "
        "is paid to the balance's currency, at the rate of the moment at which the top-up was begun"
    )


def in_minor(name: str, text: str, currency: Charged) -> int:
    """The minor units of an amount that the operator wrote.

    Raises:
        ValueError: it is no amount, or has more decimals than can be paid.
    """
    try:
        nano = parse_nano(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    minor, rest = divmod(nano, NANO // int(10**currency.decimals))
    if rest:
        raise ValueError(f"{name} = {text!r}: at most {currency.decimals} decimals of {currency.code} can be paid")
    return minor
