"""Amounts of money on the command line: decimal text such as ``2.50``, exact to nine decimals."""

from __future__ import annotations

import click

from router.money.amounts import parse_nano

__all__ = ["AMOUNT_ARGUMENTS", "amount_nano", "signed_amount_nano"]

AMOUNT_ARGUMENTS = {"ignore_unknown_options": True}
"""Context settings of a command that takes an amount as its argument: so ``-5`` is one, and no option."""


def amount_nano(text: str) -> int:
    """Nano-units of an amount that is not below zero.

    Raises:
        click.UsageError: it is no plain decimal text, below zero, too precise or too large.
    """
    if text.strip().startswith("-"):
        raise click.UsageError(f"{text!r} is not an amount: it must not be below zero.")
    try:
        return parse_nano(text)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


def signed_amount_nano(text: str) -> int:
    """The same for an amount with an optional sign before it."""
    sign, rest = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    return -amount_nano(rest) if sign == "-" else amount_nano(rest)
