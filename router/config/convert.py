"""Plain data -> a frozen dataclass, checked: for ``router.toml`` and for plugins' own settings.

The dataclass is the declaration: its annotations give the types, its defaults make a key optional, and a field's
``metadata`` may add ``one_of`` (allowed values), ``min`` and ``max`` (and ``remedy``, added to what is said of a number
that is neither), and ``names`` (a list of names stands for a table of records that say nothing), and
``or_one`` (a text stands for a list of it alone). Unknown keys are
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
        _check_declared(kind)
    except (NameError, TypeError) as error:
        raise ConfigError(f"{locate('')}: the settings record that the plugin declares is no use: {error}") from error
    try:
        return _record(kind, data, "", secret)
    except _WrongValue as error:
        raise ConfigError(f"{locate(error.path)}: {error}") from None
    except ValueError as error:
        named = str(error).partition(" ")[0]  # the record's own rules begin with the key
        path = named if isinstance(data.get(named), EnvironmentText) else ""
        raise ConfigError(f"{locate(path)}: {error}") from error


def known_keys(kind: type) -> dict[str, Any]:
    """Key name -> annotation of the dataclass ``kind``."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


class _WrongValue(Exception):
    """What is wrong with the value at the dotted ``path``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


@functools.cache
def _check_declared(annotation: Any) -> None:
    """Refuse with a ``TypeError`` a dataclass, or the annotation of a key, of which no value can be made."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        _check_declared(_not_none(arguments))
    elif origin is tuple:
        _check_declared(arguments[0])
    elif _is_table(origin):
        if arguments[1] is not Any:
            _check_declared(arguments[1])
    elif dataclasses.is_dataclass(annotation):
        for inner in known_keys(typing.cast(type, annotation)).values():
            _check_declared(inner)
    elif annotation not in _SCALARS:
        raise TypeError(
            f"a key cannot have the type {annotation}; use {', '.join(t.__name__ for t in _SCALARS)}, "
            "a dataclass, tuple[TYPE, ...] or Mapping[str, TYPE]"
        )


def _record(kind: Any, data: Any, path: str, secret: Reveal) -> Any:
    if not isinstance(data, Mapping):
        raise _WrongValue(path, "must be a table")
    annotations = known_keys(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        name, inner = field.name, _joined(path, field.name)
        if name in data:
            values[name] = _value(annotations[name], data[name], inner, secret, field.metadata)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _WrongValue(inner, "is required")
        elif isinstance(field.default, Secret) and field.default.source:
            values[name] = secret(field.default.source)
    for name in data:
        if name not in annotations:
            close = difflib.get_close_matches(name, list(annotations), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the keys here are {', '.join(annotations)}"
            raise _WrongValue(_joined(path, name), f"unknown key; {hint}")
    return kind(**values)


def _value(annotation: Any, data: Any, path: str, secret: Reveal, metadata: Mapping[str, Any]) -> Any:
    """``data`` as the annotation of its key wants it, within what the key's ``metadata`` allows."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return None if data is None else _value(_not_none(arguments), data, path, secret, metadata)
    if origin is tuple:
        if metadata.get("or_one") and isinstance(data, str) and not isinstance(data, EnvironmentText):
            data = [data]
        return tuple(
            _value(arguments[0], value, f"{path}.{number}", secret, {})
            for number, value in enumerate(_listed(data, path))
        )
    if _is_table(origin):
        if metadata.get("names") and not isinstance(data, Mapping):
            data = {name: {} for name in _value(tuple[str, ...], data, path, secret, {})}
        if not isinstance(data, Mapping):
            raise _WrongValue(path, "must be a table")
        if arguments[1] is Any:
            return dict(data)
        return {name: _value(arguments[1], value, _joined(path, name), secret, {}) for name, value in data.items()}
    if annotation not in _SCALARS:
        return _record(annotation, data, path, secret)
    value = _scalar(annotation, data, path, secret)
    if value not in metadata.get("one_of", (value,)):
        raise _WrongValue(path, f"must be one of {', '.join(map(str, metadata['one_of']))}, not {value!r}")
    low, high = metadata.get("min"), metadata.get("max")
    if (low is not None and value < low) or (high is not None and value > high):
        raise _WrongValue(path, f"must be from {low} to {high}, not {value}{metadata.get('remedy', '')}")
    return value


def _listed(data: Any, path: str) -> list[Any]:
    if isinstance(data, EnvironmentText):
        return [EnvironmentText(part.strip()) for part in data.split(",") if part.strip()]
    if not isinstance(data, list):
        raise _WrongValue(path, f"must be a list, not {data!r}")
    return data


def _scalar(kind: type, data: Any, path: str, secret: Reveal) -> Any:
    """``data`` as TOML gives it; only text from the environment is converted."""
    convert, expected = _SCALARS[kind]
    try:
        value = convert(data)
    except (KeyError, TypeError, ValueError, OverflowError):
        shown = "" if kind is Secret else f", not {data!r}"
        if kind is str and isinstance(data, (int, float)) and not isinstance(data, bool):
            shown += f': put it in quotes, "{data}"'
        raise _WrongValue(path, f"must be {expected}{shown}") from None
    return secret(value) if kind is Secret and not isinstance(value, Secret) else value


def _whole_number(data: Any) -> int:
    if isinstance(data, bool) or not isinstance(data, (int, EnvironmentText)):
        raise TypeError
    return int(data)


def _number(data: Any) -> float:
    if isinstance(data, bool) or not isinstance(data, (int, float, EnvironmentText)):
        raise TypeError
    number = float(data)
    if not math.isfinite(number) or number < 0:
        raise ValueError
    return number


def _truth(data: Any) -> bool:
    if isinstance(data, EnvironmentText):
        return {"true": True, "1": True, "false": False, "0": False}[data.lower()]
    if not isinstance(data, bool):
        raise TypeError
    return data


def _text(data: Any) -> str:
    if not isinstance(data, str):
        raise TypeError
    return str(data)


def _secret(data: Any) -> Any:
    return data if isinstance(data, Secret) else _text(data)


_SCALARS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    str: (_text, "text"),
    int: (_whole_number, "a whole number"),
    float: (_number, "a number, not negative"),
    bool: (_truth, "true or false"),
    Secret: (_secret, 'text: "env:NAME", or the secret itself'),
}


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _not_none(arguments: tuple[Any, ...]) -> Any:
    return next(argument for argument in arguments if argument is not type(None))


def _is_table(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)
