"""``[payments]`` of ``router.toml``: how customers pay in, at what rates, and which credit is used first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from router.money.amounts import parse_nano

__all__ = ["PaymentsSettings"]


@dataclass(frozen=True)
class PaymentsSettings:
    """How customers pay in.

    Attributes:
        methods: the plugins by which they may; each has its settings in ``[plugins.NAME]``.
        least, most: of one top-up, decimal text in the balance currency; ``most`` empty is no bound.
        most_per_day: of an account's top-ups in 24 hours, automatic ones with them; empty is no bound.
        presets: amounts that the page offers.
        rates: charge currency -> units of the balance currency for one of it, decimal text. USD, USDC and USDT are one
            US dollar each where they are not here, at the rate of ``[billing]``.
        rate_age_s: how old a fetched rate may be; an older one sells nothing.
        spend_first: which credit calls use first, after what expires: ``granted`` or ``paid``.
        poll_s: between two looks at top-ups that are under way.
        compare_s: between two comparisons of the books with what a method holds.
        receipt: what the operator's receipts say beside the payment: name, address, tax number.
        terms: what the page says of refunds and expiry, before somebody pays.
    """

    methods: tuple[str, ...] = field(default=(), metadata={"or_one": True})
    least: str = "1"
    most: str = ""
    most_per_day: str = ""
    presets: tuple[str, ...] = ("10", "25", "50", "100")
    rates: Mapping[str, str] = field(default_factory=dict)
    rate_age_s: float = field(default=86_400.0, metadata={"min": 60, "max": 31_536_000})
    spend_first: str = field(default="granted", metadata={"one_of": ("granted", "paid")})
    poll_s: float = field(default=60.0, metadata={"min": 1, "max": 86_400})
    compare_s: float = field(default=3600.0, metadata={"min": 60, "max": 604_800})
    receipt: str = ""
    terms: str = ""

    def __post_init__(self) -> None:
        amounts = {"least": self.least, "most": self.most or "1", "most_per_day": self.most_per_day or "1"}
        amounts |= {f"presets.{number}": text for number, text in enumerate(self.presets)}
        amounts |= {f"rates.{currency}": text for currency, text in self.rates.items()}
        for name, text in amounts.items():
            try:
                value = parse_nano(text)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            if value <= 0:
                raise ValueError(f"{name} must be above zero, not {text!r}")
        if len(set(self.methods)) < len(self.methods):
            raise ValueError("methods names one twice")
        if self.most and parse_nano(self.most) < parse_nano(self.least):
            raise ValueError(f"most ({self.most}) is below least ({self.least})")
        for currency in self.rates:
            if not (currency.isalnum() and currency.isupper() and currency.isascii() and 3 <= len(currency) <= 8):
                raise ValueError(f"rates: {currency!r} is no currency's code, such as USD")

    @property
    def least_nano(self) -> int:
        """``least`` in nano-units."""
        return parse_nano(self.least)

    @property
    def most_nano(self) -> int | None:
        """``most`` in nano-units; None for no bound."""
        return parse_nano(self.most) if self.most else None

    @property
    def most_per_day_nano(self) -> int | None:
        """``most_per_day`` in nano-units; None for no bound."""
        return parse_nano(self.most_per_day) if self.most_per_day else None

    @property
    def most_at_once_nano(self) -> int | None:
        """The largest top-up that there can be: what ``most`` and ``most_per_day`` both allow; None for no bound."""
        bounds = [nano for nano in (self.most_nano, self.most_per_day_nano) if nano is not None]
        return min(bounds) if bounds else None
