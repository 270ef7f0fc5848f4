"""Fields of forms that marshmallow does not have: amounts, names, lists in lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from router.money.amounts import parse_nano

__all__ = ["Amount", "Count", "Lines", "PersonName"]

_AMOUNT = re.compile(r"(\d{1,12})(?:[.,](\d{1,9}))?")
_COUNT = re.compile(r"[0-9]{1,10}")
_COUNT_MAX = 10**9
_NAME_MAX = 80
_LINES_MAX = 100
_LINE_MAX = 200
_REFUSED = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})  # Cf: bidirectional overrides, zero-width characters


def _(message: str) -> str:
    """Mark a text for translation: templates write it in the reader's language."""
    return message


class Amount(fields.Field[int]):
    """An amount in nano-units, typed with either decimal sign and no grouping: ``12.5``, ``12,5``. Empty is None."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        text = str(value).strip()
        found = _AMOUNT.fullmatch(text)
        if found is None:
            raise ValidationError(_("Write an amount such as 12.50, without a currency or grouping."))
        whole, decimals = found[1], found[2] or ""
        if "," in text and len(decimals) == 3:
            raise ValidationError(_("That can be read in two ways: write 1000 or 1.000, without grouping."))
        try:
            return parse_nano(f"{whole}.{decimals or '0'}")
        except ValueError:
            raise ValidationError(_("That is more than an amount can be.")) from None


class Count(fields.Field[int]):
    """A whole number from 1 to a billion, typed without grouping. Empty is None."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        found = _COUNT.fullmatch(str(value).strip())
        if found is None or not 1 <= int(found[0]) <= _COUNT_MAX:
            raise ValidationError(_("Write a whole number from 1 to 1000000000, or leave it empty."))
        return int(found[0])


class PersonName(fields.String):
    """A name that people give, in one line: 1 to 80 characters, none that hides or turns others."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs)).strip()
        if not 1 <= len(text) <= _NAME_MAX:
            raise ValidationError(_("A name has 1 to 80 characters."))
        if any(unicodedata.category(one) in _REFUSED for one in text):
            raise ValidationError(_("A name has no invisible or control characters."))
        return text


class Lines(fields.Field[tuple[str, ...]]):
    """A list, one entry a line or between commas."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[str, ...]:
        entries = tuple(dict.fromkeys(filter(None, (one.strip() for one in re.split(r"[\n,]", str(value))))))
        if len(entries) > _LINES_MAX or any(len(one) > _LINE_MAX for one in entries):
            raise ValidationError(_("At most 100 entries of 200 characters each."))
        return entries
