"""The fields of forms: each takes JSON, or the text of a page's form or a query, gives what the office works with, and
says in JSON Schema what it lets in.

Amounts become whole nano-units, moments Unix seconds. Going back (``dump``), they are JSON again: the command line that
runs a gateway elsewhere sends its values so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError

from router.config.durations import parse_duration_s
from router.money.amounts import format_nano, parse_nano
from router.surfaces.field_kinds import JsonField, short
from router.types.keys import AMOUNT_MAX

__all__ = [
    "ChoiceField",
    "DayField",
    "DurationField",
    "LineField",
    "LinesField",
    "MomentField",
    "MoneyField",
    "OfficeField",
    "StatusField",
    "WholeField",
    "YesNoField",
]

_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_STATUS = re.compile(r"^[1-5]([0-9][0-9]|[xX][xX])$")
_YES, _NO = ("true", "on", "yes", "1"), ("false", "off", "no", "0")
_SHOWN_MAX = 60
_TEXTS_MAX = 1000
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)
_FAR = 253_402_300_799  # the last second of the year 9999, behind which no date is


class OfficeField(JsonField):
    """A field of a form.

    Args:
        required: whether it must be there, and not null.
        nullable: whether null is one of its values, although it must be there.
        named: its name outside, where that is none that Python takes (``from``).
        about: what it is, in a line, for descriptions.
        example: a value as JSON has it, for descriptions.
    """

    def __init__(
        self,
        *,
        required: bool = False,
        nullable: bool = False,
        named: str | None = None,
        about: str = "",
        example: Any = None,
    ) -> None:
        super().__init__(required=required)
        self.data_key = named
        self.about, self.example = about, example
        self.allow_none = nullable or not required
        self.error_messages = {**self.error_messages, "required": "is missing", "null": "must not be null"}

    @property
    def holds_many(self) -> bool:
        """Whether a query may name it several times."""
        return False

    @property
    def of_text(self) -> bool:
        """Whether values come as a page's form, or a query, has them."""
        return bool(getattr(self.parent, "of_text", False))

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        """As every field's; an input of a page that is left empty says nothing."""
        if self.of_text and self.allow_none and isinstance(value, str) and not value.strip():
            value = None
        return super().deserialize(value, attr, data, **options)

    def json_schema(self) -> dict[str, Any]:
        """What it lets in, with what it is."""
        told: dict[str, Any] = {"description": self.about} if self.about else {}
        if self.example is not None:
            told["examples"] = [self.example]
        return {**super().json_schema(), **told}


class LineField(OfficeField):
    """Text; what a name may hold is the office's to say.

    Args:
        longest: the most characters.
        empty: whether none is fine.
    """

    def __init__(self, longest: int = 200, *, empty: bool = False, **told: Any) -> None:
        super().__init__(**told)
        self.longest, self.empty = longest, empty

    def shape(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": self.longest, **({} if self.empty else {"minLength": 1})}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        return _text(value, self.longest, self.empty)


class LinesField(OfficeField):
    """A list of texts; of a query, a name that comes several times.

    Args:
        longest: the most characters of one.
        least: the fewest texts.
    """

    def __init__(self, longest: int = 200, *, least: int = 0, **told: Any) -> None:
        super().__init__(**told)
        self.longest, self.least = longest, least

    @property
    def holds_many(self) -> bool:
        return True

    def shape(self) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": self.longest}
        return {"type": "array", "items": text, "minItems": self.least, "maxItems": _TEXTS_MAX}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[str]:
        texts = [value] if self.of_text and isinstance(value, str) else value
        if not isinstance(texts, (list, tuple)):
            raise ValidationError(f"must be a list of texts, not {short(texts)}")
        if not self.least <= len(texts) <= _TEXTS_MAX:
            raise ValidationError(f"must hold {self.least} to {_TEXTS_MAX} texts, not {len(texts)}")
        return [_text(one, self.longest, False) for one in texts]

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return None if value is None else list(value)


class YesNoField(OfficeField):
    """True or false; the text of a check box as well."""

    def shape(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if isinstance(value, bool):
            return value
        if self.of_text and isinstance(value, str) and value.strip().lower() in (*_YES, *_NO):
            return value.strip().lower() in _YES
        raise ValidationError(f"must be true or false, not {_shown(value)}")


class WholeField(OfficeField):
    """A whole number from ``low`` to ``high``."""

    def __init__(self, low: int = 0, high: int = 2**53, **told: Any) -> None:
        super().__init__(**told)
        self.low, self.high = low, high

    def shape(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if self.of_text and isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = int(value)
        if type(value) is not int or not self.low <= value <= self.high:
            raise ValidationError(f"must be a whole number from {self.low} to {self.high}, not {_shown(value)}")
        return value


class ChoiceField(OfficeField):
    """One of a few texts."""

    def __init__(self, *choices: str, **told: Any) -> None:
        super().__init__(**told)
        self.choices = choices

    def shape(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}

    def json_schema(self) -> dict[str, Any]:
        schema = super().json_schema()
        if "anyOf" in schema:  # null among the choices says the same
            schema = {"enum": [*self.choices, None], **{k: v for k, v in schema.items() if k != "anyOf"}}
        return schema

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str) or value not in self.choices:
            raise ValidationError(f"must be one of {', '.join(self.choices)}, not {_shown(value)}")
        return value


class MoneyField(OfficeField):
    """An amount of money, in the balance currency unless it says otherwise: text such as ``2.50``, or a number; gives
    nano-units.

    On a page it may have a comma for its point, as people write it in some languages; nothing groups its digits.

    Args:
        signed: whether it may be below zero.
        most: the largest, in nano-units.
    """

    def __init__(self, *, signed: bool = False, most: int = AMOUNT_MAX, **told: Any) -> None:
        super().__init__(**told)
        self.signed, self.most = signed, most

    def shape(self) -> dict[str, Any]:
        sign = "-?" if self.signed else ""
        text = {"type": "string", "pattern": rf"^{sign}[0-9]{{1,9}}(\.[0-9]{{1,9}})?$"}
        most = self.most // 10**9
        return {"anyOf": [text, {"type": "number", "minimum": -most if self.signed else 0, "maximum": most}]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        text = _decimal_text(value)
        if self.of_text:
            text = text.replace(",", ".", 1)
        sign, rest = (text[0], text[1:]) if self.signed and text[:1] in ("+", "-") else ("", text)
        try:
            amount = parse_nano(rest)
        except ValueError:
            below = "" if self.signed else ", not below zero"
            raise ValidationError(
                f'must be an amount such as "2.50", with nine decimals at most{below}, not {_shown(value)}'
            ) from None
        if amount > self.most:
            raise ValidationError(f"must be at most {format_nano(self.most)}, not {_shown(value)}")
        return -amount if sign == "-" else amount

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else format_nano(value)


class MomentField(OfficeField):
    """A moment: an ISO 8601 date or time (UTC unless it says otherwise), or Unix seconds; gives Unix seconds."""

    def shape(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0, "maximum": _FAR}]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> float:
        if type(value) in (int, float, Decimal) and 0 <= value <= _FAR:
            return float(value)
        try:
            moment = datetime.fromisoformat(value.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (AttributeError, ValueError, OverflowError):
            raise ValidationError(
                f"must be a date or a time such as 2027-01-31 or 2027-01-31T12:00:00Z, not {_shown(value)}"
            ) from None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else datetime.fromtimestamp(value, UTC).isoformat()


class DayField(OfficeField):
    """A day such as ``2027-01-31``; gives a ``date``."""

    def shape(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> date:
        try:
            day = date.fromisoformat(value.strip())
        except (AttributeError, ValueError):
            day = None
        if day is None or not _FIRST_DAY <= day <= _LAST_DAY:
            raise ValidationError(f"must be a day such as 2027-01-31, not {_shown(value)}")
        return day


class DurationField(OfficeField):
    """A length of time: text such as ``24h``, or seconds; gives seconds."""

    def shape(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": r"^[0-9]{1,9}[smhdw]$"}
        return {"anyOf": [text, {"type": "number", "minimum": 0, "maximum": 10**9}]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> float:
        if type(value) in (int, float, Decimal) and 0 <= value <= 10**9:
            return float(value)
        try:
            return parse_duration_s(value)
        except (AttributeError, ValueError):
            raise ValidationError(f"must be a length of time such as 30s, 24h or 7d, not {_shown(value)}") from None


class StatusField(OfficeField):
    """A status, or a hundred of them: ``429``, ``5xx``; gives the lowest and the highest."""

    def shape(self) -> dict[str, Any]:
        return {"type": "string", "pattern": _STATUS.pattern}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> tuple[int, int]:
        if not isinstance(value, str) or not _STATUS.fullmatch(value):
            raise ValidationError(f"must be a status such as 429, or a hundred such as 5xx, not {_shown(value)}")
        low = int(value.lower().replace("x", "0"))
        return low, low + 99 if value[1] in "xX" else low

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        if value is None:
            return None
        low, high = value
        return str(low) if low == high else f"{low // 100}xx"


def _text(value: Any, longest: int, empty: bool) -> str:
    if not isinstance(value, str):
        raise ValidationError(f"must be text, not {short(value)}")
    if not value.strip() and not empty:
        raise ValidationError("must not be empty")
    if len(value) > longest:
        raise ValidationError(f"must have {longest} characters at most, not {len(value)}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValidationError("holds half of a surrogate pair, which no text has")
    return value


def _decimal_text(value: Any) -> str:
    """A number as it was written, as far as it is plain; what is none comes back as text that is no amount."""
    if isinstance(value, str):
        return value.strip()
    if type(value) is int or (type(value) is Decimal and value.is_finite() and abs(value.adjusted()) < _SHOWN_MAX):
        return f"{value:f}" if type(value) is Decimal else str(value)
    return ""


def _shown(value: Any) -> str:
    """What was given, in a message: short text and numbers themselves."""
    if isinstance(value, Decimal):
        return str(value) if len(str(value)) <= _SHOWN_MAX else "a number of that size"
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN_MAX and value.isprintable() else "that text"
    if isinstance(value, Sequence):
        return "a list"
    return short(value)
