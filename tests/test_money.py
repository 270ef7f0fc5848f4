"""Amounts: exact both ways, and nothing but plain decimal text is let in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.money.amounts import INT64_MAX, NANO, format_nano, parse_nano

ARABIC_ONE = "\u0661"
REFUSED_TEXTS = [
    "",
    ".",
    "1.",
    ".5",
    "-1",
    "+1",
    "1e3",
    "1,000",
    "1_000",
    "0.0000000001",
    "NaN",
    "inf",
    "0x1",
    "1 2",
    "1\n2",
]


@given(st.integers(0, INT64_MAX))
def test_there_and_back(amount: int) -> None:
    assert parse_nano(format_nano(amount)) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2.50", 2_500_000_000),
        ("0.000000001", 1),
        ("0", 0),
        (" 7 ", 7 * NANO),
        ("007", 7 * NANO),
        ("9223372036.854775807", INT64_MAX),
    ],
)
def test_decimal_text(text: str, amount: int) -> None:
    assert parse_nano(text) == amount


@pytest.mark.parametrize(
    "text",
    [*REFUSED_TEXTS, ARABIC_ONE, 2.5, 2, None, True, b"1"],
)
def test_everything_else_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="write plain decimal text"):
        parse_nano(text)


def test_what_an_int64_cannot_hold() -> None:
    with pytest.raises(ValueError, match=r"above the largest amount, 9223372036\.854775807"):
        parse_nano("9223372036.854775808")


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (2_500_000_000, 0, "2.5"),
        (2_500_000_000, 2, "2.50"),
        (3 * NANO, 0, "3"),
        (3 * NANO, 2, "3.00"),
        (1, 2, "0.000000001"),
        (-1_500_000_000, 2, "-1.50"),
        (0, 0, "0"),
        (-1, 0, "-0.000000001"),
    ],
)
def test_amounts_as_text(amount: int, decimals: int, text: str) -> None:
    assert format_nano(amount, decimals) == text
