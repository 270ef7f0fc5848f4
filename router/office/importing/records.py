"""What was found at another gateway, in this one's terms; amounts are nano-units of USD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

from router.money.amounts import NANO
from router.types.keys import Budget

__all__ = [
    "ForeignAccount",
    "ForeignKey",
    "ForeignModel",
    "FoundElsewhere",
    "OddRow",
    "end_of",
    "nano_of",
    "per_million",
    "text_of",
    "whole_of",
]

_MILLION = 1_000_000
_NANO_MAX = 10**18
_YEAR_10000 = 253_402_300_800
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class OddRow:
    """A row of which there is something to say: that it is not taken over, or how.

    Attributes:
        source: which row, as ``token 7``; never a key's text.
        reason: in words.
    """

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class ForeignAccount:
    """Whoever pays there.

    Attributes:
        source: ``team:ID`` or ``user:ID``, what it is known by when it is taken over again.
        credit_nano: what is left there.
        limits: a field of ``Limits`` -> the most; amounts of money as all others here.
    """

    source: str
    name: str
    credit_nano: int = 0
    suspended: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key there, which clients go on showing.

    Attributes:
        source: which row, for messages.
        account: the ``source`` of whose it is.
        digest: SHA-256 of its text, hexadecimal.
        hint: its last four characters; empty where they are not known.
        note: what was decided about it, in words; empty where it is as it was there.
    """

    source: str
    account: str
    name: str
    digest: str
    hint: str
    expires_at: float | None = None
    scope: tuple[str, ...] = ()
    budget: Budget | None = None
    disabled: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """A model that is served there.

    Attributes:
        provider: the name of the provider here that serves it.
        facts: as ``router.catalogue.facts.given_facts`` gives them.
    """

    source: str
    public_id: str
    provider: str
    model: str
    kind: str = "chat"
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class FoundElsewhere:
    """All that was found.

    Attributes:
        program: whose it is: ``litellm``, ``new-api``, ``openrouter``.
        bad: rows that should have been taken over, and cannot be.
        left: rows that mean nothing here.
    """

    program: str
    accounts: list[ForeignAccount] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)
    models: list[ForeignModel] = field(default_factory=list)
    bad: list[OddRow] = field(default_factory=list)
    left: list[OddRow] = field(default_factory=list)


def nano_of(text: Any) -> int:
    """An amount in nano-units, from decimal text; what is below one is left out.

    Raises:
        ValueError: it is no amount.
    """
    try:
        nano = int((Decimal(str(text)) * NANO).to_integral_value(ROUND_FLOOR))
    except (ArithmeticError, ValueError):  # too large for a Decimal, too
        raise ValueError(f"{str(text)[:40]!r} is no amount") from None
    if abs(nano) > _NANO_MAX:
        raise ValueError(f"{str(text)[:40]} is beyond belief")
    return nano


def whole_of(column: str, value: Any) -> int:
    """A whole number from a column in which any kind of value may stand, as SQLite lets it; 0 where there is none.

    Raises:
        ValueError: it is none.
    """
    if value is None or value == "":
        return 0
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or (isinstance(value, float) and whole != value):
        raise ValueError(f"{column} is {_short(value)}: it must be a whole number")
    return whole


def text_of(column: str, value: Any) -> str:
    """Text, or a number as text; empty where there is none.

    Raises:
        ValueError: it is bytes, or of another kind.
    """
    if value is None:
        return ""
    if not isinstance(value, (str, int, float)):
        raise ValueError(f"its {column} is no text")
    return str(value)


def end_of(column: str, seconds: float) -> float | None:
    """When something expires; None for never, which is said by infinity.

    Raises:
        ValueError: no calendar has that moment; milliseconds in the place of seconds are such.
    """
    if seconds == float("inf"):
        return None
    if seconds >= _YEAR_10000:
        raise ValueError(f"{column} is {seconds:.0f}: it must be Unix seconds before the year 10000")
    return float(seconds)


def _short(value: Any) -> str:
    return repr(value[:_SHOWN] if isinstance(value, (str, bytes)) else value)[: 2 * _SHOWN]


def per_million(text: Any) -> str:
    """A price of one token as decimal text per million.

    Raises:
        ValueError: it is no price.
    """
    try:
        price = (Decimal(str(text)) * _MILLION).quantize(Decimal(1) / NANO, ROUND_HALF_EVEN)
    except (ArithmeticError, ValueError):
        raise ValueError(f"{str(text)[:40]!r} is no price") from None
    if not price.is_finite() or price < 0:
        raise ValueError(f"{str(text)[:40]!r} is no price")
    return f"{price:f}".rstrip("0").rstrip(".")
