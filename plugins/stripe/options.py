"""What the operator sets: ``[plugins.stripe]``, and what follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import urlsplit

from router_plugins.stripe.currencies import Charged, charged_in, in_minor

from router import ConfigError, Secret
from router.money import parse_nano

__all__ = ["Options", "fault_of", "is_live"]

_KEY = re.compile(r"[sr]k_(?P<mode>test|live)_[A-Za-z0-9_]+", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_]{1,40}", re.ASCII)
_HERE = ("127.0.0.1", "::1", "localhost")
INSTALL = "pip install 'tollrouter[stripe]'"


@dataclass(frozen=True)
class Options:
    """``[plugins.stripe]``.

    Attributes:
        secret_key: ``sk_test_...`` or ``sk_live_...``, or a restricted one that may write Checkout sessions, payment
            intents and refunds, and read the rest.
        webhook_secret: ``whsec_...`` of the endpoint ``/plugins/stripe/events``; without it Stripe is asked at times.
        title: as customers read the method's name.
        product: what stands on Stripe's page and on receipts, before the amount that is credited.
        currency: in which customers are charged.
        least, most: bounds of one payment, as decimal text in that currency.
        fee_percent, fee_fixed: charged above the credit, as decimal text.
        payment_methods: Stripe's names (``card``, ``sepa_debit`` ...); none leaves it to Stripe's dashboard.
        save_means: whether customers can leave their card for automatic top-ups.
        expires_s: how long Stripe's page can be paid.
        base_url: of Stripe's API where that is another one, as in tests: it receives the secret key.
    """

    secret_key: Secret = field(default=Secret("", "env:STRIPE_SECRET_KEY"))
    webhook_secret: Secret = field(default=Secret("", "env:STRIPE_WEBHOOK_SECRET"))
    title: str = "Card"
    product: str = "Credit"
    currency: str = "usd"
    least: str = "5"
    most: str = "1000"
    fee_percent: str = "0"
    fee_fixed: str = "0"
    payment_methods: tuple[str, ...] = ()
    save_means: bool = True
    expires_s: float = field(default=86_400.0, metadata={"min": 1800, "max": 86_400})
    base_url: str = ""

    def __post_init__(self) -> None:
        currency = self.charged
        least, most = self.bounds
        if least < 1 or (most and most < least):
            raise ValueError(
                f"least = {self.least!r}, most = {self.most!r}: at least one minor unit, and most above it"
            )
        if max(least, most) > currency.largest:
            raise ValueError(f"most = {self.most!r}: Stripe takes no more than eight digits")
        if self.fee_millionths > 500_000:
            raise ValueError(f"fee_percent = {self.fee_percent!r}: at most 50")
        in_minor("fee_fixed", self.fee_fixed, currency)
        if unknown := [name for name in self.payment_methods if _WORD.fullmatch(name) is None]:
            raise ValueError(f"payment_methods: {unknown[0]!r} is no name of Stripe's, such as card")
        if not (self.title.strip() and self.product.strip()):
            raise ValueError("title and product cannot be empty")
        self._check_base()

    def _check_base(self) -> None:
        if not self.base_url:
            return
        parts = urlsplit(self.base_url)
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise ValueError(f"base_url = {self.base_url!r} is no URL")
        if parts.scheme == "http" and parts.hostname not in _HERE:
            raise ValueError(f"base_url = {self.base_url!r}: the secret key goes there, and must not go by plain http")

    @property
    def charged(self) -> Charged:
        """The currency."""
        return charged_in(self.currency)

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest payment, in minor units."""
        currency = self.charged
        return in_minor("least", self.least, currency), in_minor("most", self.most, currency)

    @property
    def fee_minor(self) -> int:
        """The fixed part of the fee, in minor units."""
        return in_minor("fee_fixed", self.fee_fixed, self.charged)

    @property
    def fee_millionths(self) -> int:
        """The share of the credit that the fee is."""
        try:
            millionths, rest = divmod(parse_nano(self.fee_percent) * 10_000, 10**9)
        except ValueError as error:
            raise ValueError(f"fee_percent: {error}") from None
        if rest:
            raise ValueError(f"fee_percent = {self.fee_percent!r}: at most four decimals")
        return millionths


def is_live(options: Options) -> bool:
    """Whether the key moves real money."""
    match = _KEY.fullmatch(options.secret_key.reveal())
    return match is not None and match["mode"] == "live"


def fault_of(options: Options) -> ConfigError | None:
    """Why nothing can be paid by Stripe as it is set up, and what to do; None where it can."""
    key = options.secret_key
    text = key.reveal()
    place = key.source.removeprefix("env:") or "[plugins.stripe] secret_key"
    if not text:
        return ConfigError(f"{place} is not set: Stripe's secret key (sk_test_... or sk_live_...) belongs there")
    if text.startswith("pk_"):
        return ConfigError(f"{place} is the publishable key (pk_...); the secret one (sk_...) is wanted")
    if _KEY.fullmatch(text) is None:
        return ConfigError(f"{place} is no secret key of an account of Stripe's: it begins with sk_test_ or sk_live_")
    secret = options.webhook_secret.reveal()
    if secret and not secret.startswith("whsec_"):
        there = options.webhook_secret.source.removeprefix("env:") or "[plugins.stripe] webhook_secret"
        return ConfigError(f"{there} is no signing secret of a webhook: it begins with whsec_")
    if find_spec("stripe") is None:
        return ConfigError(f"Stripe's library is not installed: run {INSTALL}")
    return None
