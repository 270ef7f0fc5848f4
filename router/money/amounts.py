"""Money as integers: parsing and formatting of decimal text, in nano-units (10^-9) of one currency.

No float ever enters: a price list or an amount with a binary fraction in it could not be proven exact.
"""

from __future__ import annotations

import re

__all__ = ["INT64_MAX", "NANO", "format_nano", "parse_nano"]

NANO = 1_000_000_000
INT64_MAX = 2**63 - 1
_DECIMAL = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?", re.ASCII)


def parse_nano(text: str) -> int:
    """Decimal text such as ``"2.50"`` as an integer of nano-units.

    Raises:
        ValueError: not plain decimal text, negative, more than nine decimals, or above int64.
    """
    match = _DECIMAL.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is not an amount: write plain decimal text such as "2.50", at most nine decimals')
    whole, fraction = match.group(1), match.group(2) or ""
    amount = int(whole) * NANO + int(fraction.ljust(9, "0"))
    if amount > INT64_MAX:
        raise ValueError(f"{text!r} is above the largest amount, {format_nano(INT64_MAX)}")
    return amount


def format_nano(amount_nano: int, decimals: int = 0, *, places: int = 9) -> str:
    """Nano-units as decimal text, without trailing zeros beyond ``decimals``: ``2500000000`` is ``"2.5"``.

    Args:
        places: decimals of the whole number itself; 12 shows a price per million tokens as one per thousand.
    """
    sign = "-" if amount_nano < 0 else ""
    whole, fraction = divmod(abs(amount_nano), 10**places)
    digits = f"{fraction:0{places}d}".rstrip("0").ljust(decimals, "0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
