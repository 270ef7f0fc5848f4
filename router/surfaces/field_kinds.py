"""The fields of requests: each checks a value as it came, and says in JSON Schema what it lets in.

Nothing is converted. Null counts as absent, so every field takes it unless it is ``required``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

__all__ = ["Integer", "JsonField", "Number", "OneOf", "Stop", "Typed", "short"]

_TYPE_NAMES = {bool: "boolean", str: "string", list: "array", dict: "object"}
_SHOWN_AS = {bool: "a boolean", type(None): "null", str: "a string", list: "a list", dict: "an object"}


class JsonField(fields.Field[Any]):
    """A JSON value.

    Args:
        required: whether the body must hold it; for the description, since a message of its own says so.
    """

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(allow_none=True, required=required)

    def json_schema(self) -> dict[str, Any]:
        """What it lets in, as JSON Schema."""
        shape = self.shape()
        if self.required:
            return shape
        if "type" not in shape:
            return {"anyOf": [*shape.get("anyOf", [shape]), {"type": "null"}]}
        kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
        return {**shape, "type": [*kinds, "null"]}

    def shape(self) -> dict[str, Any]:
        """The same without null."""
        raise NotImplementedError


class Number(JsonField):
    """A JSON number; text and booleans are refused.

    Args:
        low, high: the smallest and the largest that is let in.
    """

    expected: ClassVar[str] = "a number"
    kind: ClassVar[str] = "number"

    def __init__(self, low: float | None = None, high: float | None = None, *, required: bool = False) -> None:
        self.low, self.high = low, high
        super().__init__(required=required)

    def fits(self, value: Any) -> bool:
        return type(value) in (int, float)

    def shape(self) -> dict[str, Any]:
        limits = {"minimum": self.low, "maximum": self.high}
        return {"type": self.kind, **{name: limit for name, limit in limits.items() if limit is not None}}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        inside = (
            self.fits(value) and (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        )
        if not inside:
            raise ValidationError(f"must be {self.expected}{self._range()}, not {short(value)}")
        return value

    def _range(self) -> str:
        if self.high is None:
            return "" if self.low is None else f" of at least {self.low}"
        return f" from {self.low} to {self.high}"


class Integer(Number):
    """A JSON number without a fraction."""

    expected = "a whole number"
    kind = "integer"

    def fits(self, value: Any) -> bool:
        return type(value) is int


class Typed(JsonField):
    """A value of one JSON type, or of a few.

    Args:
        expected: what it must be, for the message.
        types: any of ``str``, ``bool``, ``list``, ``dict``.
        inside: JSON Schema of what is checked of it elsewhere, in place of the types alone.
    """

    def __init__(
        self, expected: str, *types: type, inside: Mapping[str, Any] | None = None, required: bool = False
    ) -> None:
        super().__init__(required=required)
        self.expected, self.types, self.inside = expected, types, inside

    def shape(self) -> dict[str, Any]:
        if self.inside is not None:
            return dict(self.inside)
        names = [_TYPE_NAMES[kind] for kind in self.types]
        return {"type": names[0] if len(names) == 1 else names}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if type(value) not in self.types:
            raise ValidationError(f"must be {self.expected}, not {short(value)}")
        return value


class OneOf(JsonField):
    """One of a few texts."""

    def __init__(self, *choices: str, required: bool = False) -> None:
        super().__init__(required=required)
        self.choices = choices

    def shape(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if value not in self.choices:
            shown = "" if isinstance(value, str) else f", not {short(value)}"
            raise ValidationError(f"must be {' or '.join(map(repr, self.choices))}{shown}")
        return value


class Stop(JsonField):
    """One text, or any number of them: how many a model takes is its provider's rule."""

    def shape(self) -> dict[str, Any]:
        text = {"type": "string"}
        return {"anyOf": [text, {"type": "array", "items": text}]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not all(isinstance(one, str) for one in (value if isinstance(value, list) else [value])):
            raise ValidationError("must be a string or a list of strings")
        return value


def short(value: Any) -> str:
    """A value as a message may show it: numbers themselves, the type of everything that could be long."""
    if type(value) in (int, float):
        text = repr(value)
        return text if len(text) <= 32 else "a number of that size"
    return _SHOWN_AS.get(type(value), "that")
