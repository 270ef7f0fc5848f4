"""Values of options: amounts of money, and words that take a value away (``none``, ``never``)."""

from __future__ import annotations

from enum import Enum
from typing import Any

import click

from router.money.amounts import format_nano, parse_nano
from router.types.keys import AMOUNT_MAX

__all__ = ["AMOUNT", "AMOUNT_ARGUMENTS", "Nothing", "OrNothing", "amount_nano", "given", "signed_amount_nano"]


class Nothing(Enum):
    """What ``none`` or ``never`` stands for on the command line."""

    NOTHING = "nothing"


class _Amount(click.ParamType):  # type: ignore[type-arg] # generic in new versions of click only
    """Decimal text such as ``2.50``; gives nano-units of the balance currency, or refuses as wrong usage."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        option = f"{param.opts[-1]}: " if param is not None and param.opts else ""
        try:
            amount = amount_nano(value)
        except click.UsageError as error:
            raise click.UsageError(f"{option}{error.message}", ctx) from None
        if amount > AMOUNT_MAX:
            message = f"{option}{value!r} is above the largest limit, {format_nano(AMOUNT_MAX)}."
            raise click.UsageError(message, ctx)
        return amount


class OrNothing(click.ParamType):  # type: ignore[type-arg]
    """A value of another type, or the word that means that there shall be none."""

    def __init__(self, inner: click.ParamType, word: str = "none") -> None:  # type: ignore[type-arg]
        self.inner = inner
        self._word = word
        self.name = f"{inner.name} or {word}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, Nothing) or (isinstance(value, str) and value.strip().lower() == self._word):
            return Nothing.NOTHING
        return self.inner.convert(value, param, ctx)


AMOUNT = _Amount()


def given(value: Any) -> Any:
    """The value of an ``OrNothing`` option that was given: None where it was the word."""
    return None if value is Nothing.NOTHING else value


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
