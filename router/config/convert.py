"""Plain data -> a frozen dataclass, checked by marshmallow: for ``router.toml`` and for plugins' own settings.

The dataclass is the declaration: its annotations give the types, its defaults make a key optional, and a field's
``metadata`` may add ``one_of`` (allowed values), ``min`` and ``max`` (and ``remedy``, added to what is said of a number
that is neither), and ``names`` (a list of names stands for a table of records that say nothing). Unknown keys are
refused with the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from router.config.provider import Secret
from router.errors import ConfigError

__all__ = ["EnvironmentText", "build_record", "known_keys"]

Reveal = Callable[[str], Secret]


class EnvironmentText(str):
    """A value from the environment: text that stands for whatever type its key has."""


def build_record(kind: type, data: Mapping[str, Any], *, locate: Callable[[str], str], secret: Reveal) -> Any:
    """An instance of the dataclass ``kind`` from ``data``.

    Args:
        locate: dotted key path within ``data`` -> where that is, for messages (``router.toml, line 7: [server] port``).
        secret: turns the text of a secret (``env:NAME`` or the secret itself) into a ``Secret``.

    Raises:
        ConfigError: the first problem found, with its place and the remedy; also for a ``kind`` that is no such
            dataclass, and for a ``ValueError`` of its ``__post_init__``.
    """
    try:
        schema = _schema(kind)()
    except (NameError, TypeError) as error:
        raise ConfigError(f"{locate('')}: the settings record that the plugin declares is no use: {error}") from error
    schema.context_secret = secret  # type: ignore[attr-defined]
    try:
        return schema.load(data)
    except ValueError as error:
        raise ConfigError(f"{locate('')}: {error}") from error
    except ValidationError as error:
        path, message = _first(error.messages_dict)
        if message == _UNKNOWN:
            message = "unknown key" + _nearest(path, kind)
        raise ConfigError(f"{locate(path)}: {message}") from None


def known_keys(kind: type) -> dict[str, Any]:
    """Key name -> annotation of the dataclass ``kind``."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


_UNKNOWN = "unknown key"
_MESSAGES = {"unknown": _UNKNOWN, "type": "must be a table"}


@functools.cache
def _schema(kind: type) -> type[Schema]:
    members: dict[str, Any] = {}
    annotations = known_keys(kind)
    for declared in dataclasses.fields(kind):
        required = declared.default is dataclasses.MISSING and declared.default_factory is dataclasses.MISSING
        members[declared.name] = _field(annotations[declared.name], declared.metadata, required=required)

    secrets = {
        f.name: f.default for f in dataclasses.fields(kind) if isinstance(f.default, Secret) and f.default.source
    }

    class RecordSchema(Schema):
        error_messages = _MESSAGES

        class Meta:
            unknown = RAISE

        def load(self, data: Any, **options: Any) -> Any:
            values = super().load(data, **options)
            for name, default in secrets.items():
                if name not in values:
                    values[name] = self.context_secret(default.source)  # type: ignore[attr-defined]
            return kind(**values)

    return type(kind.__name__, (RecordSchema,), members)


def _field(annotation: Any, metadata: Mapping[str, Any], *, required: bool = False) -> fields.Field[Any]:
    options: dict[str, Any] = {
        "required": required,
        "error_messages": {"required": "is required"},
        "validate": _checks(metadata),
    }
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        inner = next(argument for argument in arguments if argument is not type(None))
        field = _field(inner, metadata, required=required)
        field.allow_none = True
        return field
    if dataclasses.is_dataclass(annotation):
        return _Record(typing.cast(type, annotation), **options)
    if origin is tuple:
        return _Tuple(_field(arguments[0], {}), **options)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        value = None if arguments[1] is Any else _field(arguments[1], {})
        options["error_messages"]["invalid"] = _MESSAGES["type"]
        return _Mapping(keys=fields.String(), values=value, **options, names=bool(metadata.get("names")))
    if annotation not in _SCALARS:
        raise TypeError(
            f"a key cannot have the type {annotation}; use {', '.join(t.__name__ for t in _SCALARS)}, "
            "a dataclass, tuple[TYPE, ...] or Mapping[str, TYPE]"
        )
    return _SCALARS[annotation](**options)


def _checks(metadata: Mapping[str, Any]) -> list[Any]:
    checks: list[Any] = []
    if "one_of" in metadata:
        checks.append(validate.OneOf(metadata["one_of"], error="must be one of {choices}, not {input!r}"))
    if "min" in metadata or "max" in metadata:
        error = "must be from {min} to {max}, not {input}" + metadata.get("remedy", "")
        checks.append(validate.Range(metadata.get("min"), metadata.get("max"), error=error))
    return checks


class _Strict(fields.Field[Any]):
    """A scalar that is taken as TOML gives it; only text from the environment is converted."""

    expected: typing.ClassVar[str]
    shows_value: typing.ClassVar[bool] = True

    def convert(self, value: Any) -> Any:
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        try:
            return self.convert(value)
        except (KeyError, TypeError, ValueError, OverflowError):
            shown = f", not {value!r}{self.remedy(value)}" if self.shows_value else ""
            raise ValidationError(f"must be {self.expected}{shown}") from None

    def remedy(self, value: Any) -> str:
        """What to write instead of ``value``, where that is plain."""
        return ""


class _Integer(_Strict):
    expected = "a whole number"

    def convert(self, value: Any) -> int:
        if isinstance(value, EnvironmentText):
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError
        return value


class _Number(_Strict):
    expected = "a number, not negative"

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, EnvironmentText)):
            raise TypeError
        number = float(value)
        if not math.isfinite(number) or number < 0:
            raise ValueError
        return number


class _Boolean(_Strict):
    expected = "true or false"

    def convert(self, value: Any) -> bool:
        if isinstance(value, EnvironmentText):
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        if not isinstance(value, bool):
            raise TypeError
        return value


class _String(_Strict):
    expected = "text"

    def convert(self, value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError
        return str(value)

    def remedy(self, value: Any) -> str:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f': put it in quotes, "{value}"' if number else ""


class _SecretField(_Strict):
    expected = 'text: "env:NAME", or the secret itself'
    shows_value = False

    def convert(self, value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise TypeError
        root: Any = self.root
        reveal: Reveal = root.context_secret
        return reveal(str(value))


class _Tuple(fields.List[Any]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, EnvironmentText):
            value = [EnvironmentText(part.strip()) for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise ValidationError(f"must be a list, not {value!r}")
        return tuple(super()._deserialize(value, attr, data, **options))


class _Mapping(fields.Dict):
    """A table. With ``names`` also a list: of the names of tables that say nothing."""

    def __init__(self, *, names: bool, **options: Any) -> None:
        super().__init__(**options)
        self.names = names

    def _deserialize(self, value: Any, *arguments: Any, **options: Any) -> Any:
        if self.names and not isinstance(value, Mapping):
            listed: Any = _Tuple(_String())
            value = {name: {} for name in listed.deserialize(value)}
        try:
            return super()._deserialize(value, *arguments, **options)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            # marshmallow says under each key whether the key or its value is at fault
            plain = {key: next(iter(fault.values())) for key, fault in error.messages.items()}
            raise ValidationError(plain) from None


class _Record(fields.Field[Any]):
    def __init__(self, kind: type, **options: Any) -> None:
        super().__init__(**options)
        self.kind = kind

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        schema = _schema(self.kind)()
        root: Any = self.root
        schema.context_secret = root.context_secret  # type: ignore[attr-defined]
        return schema.load(value)


_SCALARS: dict[Any, type[fields.Field[Any]]] = {
    str: _String,
    int: _Integer,
    float: _Number,
    bool: _Boolean,
    Secret: _SecretField,
}


def _first(messages: Any, path: str = "") -> tuple[str, str]:
    """The first (dotted path, message) of marshmallow's nested messages."""
    if isinstance(messages, Mapping):
        key, rest = next(iter(messages.items()))
        step = "" if key == "_schema" else str(key)
        return _first(rest, f"{path}.{step}".strip("."))
    return path, messages[0] if isinstance(messages, list) else str(messages)


def _nearest(path: str, kind: type) -> str:
    """What a key that is not known may have meant; the steps of ``path`` before it lead through ``kind``."""
    *parents, name = path.split(".")
    steps = iter(parents)
    for step in steps:
        inner: Any = known_keys(kind).get(step)
        if typing.get_origin(inner) is not None:  # a list of records, or records by name
            inner = typing.get_args(inner)[0 if typing.get_origin(inner) is tuple else -1]
            next(steps, None)
        if not dataclasses.is_dataclass(inner):
            return ""
        kind = typing.cast(type, inner)
    close = difflib.get_close_matches(name, list(known_keys(kind)), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; the keys here are {', '.join(known_keys(kind))}"
