"""The fields of requests: each checks a value as it came, and says in JSON Schema what it lets in.

Nothing is converted. Null counts as absent, so every field takes it unless it is ``required``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

__all__ = [
    "DEPENDS",
    "Either",
    "Integer",
    "JsonField",
    "ListOf",
    "Members",
    "Misplaced",
    "Number",
    "OneOf",
    "Stop",
    "Tagged",
    "TextField",
    "Typed",
    "short",
]

DEPENDS = "x-depends"
"""In a schema: what else of the body a value must agree with, which no schema can say."""

_TYPE_NAMES = {bool: "boolean", str: "string", list: "array", dict: "object"}
_SHOWN_AS = {bool: "a boolean", type(None): "null", str: "a string", list: "a list", dict: "an object"}
_SHOWN_MAX = 40


class Misplaced(ValidationError):
    """Something within a value is wrong.

    Attributes:
        place: where, from the value on: ``[2].text``.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(problem)
        self.place = place


class JsonField(fields.Field[Any]):
    """A JSON value.

    Args:
        required: whether the body must hold it; for the description, since a message of its own says so.
    """

    plain: frozenset[type] = frozenset()
    """Types of which every value is let in."""

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(allow_none=True, required=required)

    def check(self, value: Any) -> None:
        """See that a value within another is let in.

        Raises:
            ValidationError: what is wrong with it; a ``Misplaced``, where it is something within.
        """
        self._deserialize(value, None, None)

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
        if low is None and high is None:
            self.plain = frozenset({int} if self.kind == "integer" else {int, float})

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
        if inside is None:
            self.plain = frozenset(types)

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
    """One of a few texts, numbers or booleans."""

    def __init__(self, *choices: str | int, required: bool = False) -> None:
        super().__init__(required=required)
        self.choices = choices

    def shape(self) -> dict[str, Any]:
        return {"enum": list(self.choices)}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not any(type(value) is type(choice) and value == choice for choice in self.choices):
            shown = "" if isinstance(value, str) else f", not {short(value)}"
            raise ValidationError(f"must be {' or '.join(map(_literal, self.choices))}{shown}")
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


class TextField(JsonField):
    """A text.

    Args:
        expected: what it must be, for the message.
        least: the fewest characters.
        pattern: a regular expression for the whole of it, in what JavaScript and Python have in common.
    """

    def __init__(
        self, expected: str = "a string", *, least: int = 0, pattern: str = "", required: bool = False
    ) -> None:
        super().__init__(required=required)
        self.expected, self.least = expected, least
        self._pattern = re.compile(pattern) if pattern else None
        if not least and not pattern:
            self.plain = frozenset({str})

    def shape(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "string"}
        found |= {"minLength": self.least} if self.least else {}
        return found | ({"pattern": f"^(?:{self._pattern.pattern})$"} if self._pattern else {})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if type(value) is not str:
            raise ValidationError(f"must be {self.expected}, not {short(value)}")
        if len(value) < self.least:
            raise ValidationError("must not be empty" if self.least == 1 else f"must have {self.least} characters")
        if self._pattern is not None and not self._pattern.fullmatch(value):
            raise ValidationError(f"must be {self.expected}")
        return value


class ListOf(JsonField):
    """A list of values of one kind.

    Args:
        least, most: how many it may hold.
    """

    def __init__(self, item: JsonField, least: int = 0, most: int | None = None, *, required: bool = False) -> None:
        super().__init__(required=required)
        self.item, self.least, self.most = item, least, most

    def shape(self) -> dict[str, Any]:
        limits = {"minItems": self.least or None, "maxItems": self.most}
        return {"type": "array", "items": self.item.shape(), **{name: n for name, n in limits.items() if n is not None}}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if type(value) is not list:
            raise ValidationError(f"must be a list, not {short(value)}")
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            limits = f"at least {self.least}" if self.most is None else f"from {self.least} to {self.most}"
            raise ValidationError(f"must hold {limits}, not {len(value)}")
        if not self.item.plain.issuperset(map(type, value)):
            for place, one in enumerate(value):
                _check_at(f"[{place}]", self.item, one)
        return value


class Members(JsonField):
    """An object. A member that is null counts as absent, unless it is required.

    Args:
        known: its members' fields.
        others: what is wrong with any other member that is not null; empty where others pass.
        depends: what else of the body it must agree with, for the description.
    """

    def __init__(
        self,
        known: Mapping[str, JsonField] | None = None,
        *,
        others: str = "",
        depends: str = "",
        required: bool = False,
    ) -> None:
        super().__init__(required=required)
        self.known, self.others, self.depends = known or {}, others, depends
        if not known and not others:
            self.plain = frozenset({dict})

    def shape(self) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "object"}
        if self.known:
            found["properties"] = {name: field.json_schema() for name, field in self.known.items()}
        needed = [name for name, field in self.known.items() if field.required]
        found |= {"required": needed} if needed else {}
        found |= {"additionalProperties": {"type": "null"}} if self.others else {}
        return found | ({DEPENDS: self.depends} if self.depends else {})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if type(value) is not dict:
            raise ValidationError(f"must be an object, not {short(value)}")
        for name, field in self.known.items():
            if value.get(name) is not None:
                _check_at(f".{name}", field, value[name])
            elif field.required:
                expected = getattr(field, "expected", "")
                raise Misplaced(f".{name}", f"is required: {expected}" if expected else "is required")
        if self.others:
            for name in value.keys() - self.known.keys():
                if value[name] is not None:
                    raise Misplaced(f".{name[:_SHOWN_MAX]}", self.others)
        return value


class Tagged(JsonField):
    """An object whose one member says of what kind it is.

    Args:
        tag: that member.
        kinds: each kind's other members.
        usual: the kind of one without a tag; None where there must be one.
    """

    def __init__(
        self, tag: str, kinds: Mapping[str, Members], *, usual: str | None = None, required: bool = False
    ) -> None:
        super().__init__(required=required)
        self.tag, self.kinds, self.usual = tag, kinds, usual

    def shape(self) -> dict[str, Any]:
        return {"anyOf": [self._shape(kind) for kind in self.kinds]}

    def _shape(self, kind: str) -> dict[str, Any]:
        found = self.kinds[kind].shape()
        usual = kind == self.usual
        tag: dict[str, Any] = {"enum": [kind, None]} if usual else {"const": kind}
        found["properties"] = {self.tag: tag, **found.get("properties", {})}
        return found if usual else {**found, "required": [self.tag, *found.get("required", ())]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if type(value) is not dict:
            raise ValidationError(f"must be an object, not {short(value)}")
        kind = value.get(self.tag)
        kind = self.usual if kind is None else kind
        members = self.kinds.get(kind) if isinstance(kind, str) else None
        if members is None:
            raise Misplaced(f".{self.tag}", f"must be one of {', '.join(self.kinds)}, not {_literal(kind)}")
        members.check(value if not members.others else {n: one for n, one in value.items() if n != self.tag})
        return value


class Either(JsonField):
    """A value of one of a few kinds.

    Args:
        expected: what it must be, for the message.
    """

    def __init__(self, expected: str, *kinds: JsonField, required: bool = False) -> None:
        super().__init__(required=required)
        self.expected, self.kinds = expected, kinds
        self.plain = frozenset().union(*(kind.plain for kind in kinds))

    def shape(self) -> dict[str, Any]:
        return {"anyOf": [kind.shape() for kind in self.kinds]}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if type(value) in self.plain:
            return value
        within = []
        for kind in self.kinds:
            try:
                kind.check(value)
            except ValidationError as error:
                within += [error] if isinstance(error, Misplaced) else []
            else:
                return value
        if len(within) == 1:  # it is of that kind, but for something within
            raise within[0]
        shown = "" if type(value) in (str, list, dict) else f", not {short(value)}"
        raise ValidationError(f"must be {self.expected}{shown}")


def _check_at(place: str, field: JsonField, value: Any) -> None:
    try:
        field.check(value)
    except ValidationError as error:
        raise Misplaced(f"{place}{getattr(error, 'place', '')}", str(error.messages[0])) from None


def _literal(value: Any) -> str:
    """A value as JSON and Python's readers both know it, as far as it is short."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN_MAX and value.isprintable() else "that"
    return str(value).lower() if isinstance(value, bool) else short(value)


def short(value: Any) -> str:
    """A value as a message may show it: numbers themselves, the type of everything that could be long."""
    if type(value) in (int, float):
        text = repr(value)
        return text if len(text) <= 32 else "a number of that size"
    return _SHOWN_AS.get(type(value), "that")
