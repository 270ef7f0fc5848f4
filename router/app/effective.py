"""What is in force: every setting with its value and where that comes from. No secret is ever shown."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from router.app.config_rules import plugin_record
from router.config.file import Settings
from router.config.provider import Secret
from router.plugin_host.registry import Registry
from router.providers.configured import ConfiguredProvider

__all__ = ["Setting", "effective", "source_of"]

_HIDDEN = "***"
_SECTIONS = ("server", "database", "gateway", "billing", "limits", "responses", "portal", "mail", "plugins")


class Setting(NamedTuple):
    """One setting: dotted key, value as JSON takes it, and where it comes from."""

    key: str
    value: Any
    source: str


def effective(settings: Settings, registry: Registry, providers: Mapping[str, ConfiguredProvider]) -> list[Setting]:
    """All settings in the order of the file's sections. Providers without a section are left out.

    Args:
        providers: the configured ones by name.

    Raises:
        ConfigError: a section is wrong.
    """
    found: list[Setting] = []
    for section in _SECTIONS:
        found += _of_record(settings, (section,), getattr(settings, section))
    for name in settings.plugin_sections:
        record = plugin_record(settings, registry, name)
        found += _of_record(settings, ("plugins", name), record) if record is not None else []
    for name in settings.providers:
        if name in providers:
            found += _of_record(settings, ("providers", name), providers[name].settings)
    found += [_setting(settings, ("aliases", alias), target) for alias, target in settings.aliases.items()]
    found += [_setting(settings, ("fallback", model), targets) for model, targets in settings.fallbacks.items()]
    return found


def source_of(settings: Settings, path: tuple[str, ...]) -> str:
    """``default``, ``environment variable NAME`` or ``FILE, line N`` for a key."""
    place = settings.where(".".join(path))
    if place.startswith("environment variable "):
        return place
    return place.rpartition(": [")[0] if _is_written(tomllib.loads(settings.text), path) else "default"


def _of_record(settings: Settings, path: tuple[str, ...], record: Any) -> Iterator[Setting]:
    for field in dataclasses.fields(record):
        yield from _of_value(settings, (*path, field.name), getattr(record, field.name))


def _of_value(settings: Settings, path: tuple[str, ...], value: Any) -> Iterator[Setting]:
    """One setting, or those of the records that the value is or holds."""
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, tuple) else ()
    inner = [(str(name), part) for name, part in parts if dataclasses.is_dataclass(part)]
    if isinstance(value, Mapping) and inner and all(_says_nothing(part) for _, part in inner):
        yield _setting(settings, path, tuple(value))  # a list of names
        return
    if dataclasses.is_dataclass(value):
        yield from _of_record(settings, path, value)
    elif inner:
        for name, part in inner:
            yield from _of_record(settings, (*path, name), part)
    else:
        yield _setting(settings, path, value)


def _says_nothing(record: Any) -> bool:
    made: Any = type(record)
    return bool(record == made())


def _setting(settings: Settings, path: tuple[str, ...], value: Any) -> Setting:
    return Setting(".".join(path), _shown(value), source_of(settings, path))


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return _shown_secret(value)
    if isinstance(value, Mapping):  # request headers are as good as keys
        return {name: _HIDDEN if isinstance(part, str) else _shown(part) for name, part in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _shown_secret(value: Secret) -> str:
    if value.reveal().startswith("sqlite:"):
        return value.reveal()
    if value.source.startswith("env:"):
        return f"{_HIDDEN} ({value.source})" if value else f"{value.source} is not set"
    return str(value)


def _is_written(data: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if isinstance(data, list):
            data = dict(zip(map(str, range(len(data))), data, strict=True))
        if not isinstance(data, dict) or step not in data:
            return False
        data = data[step]
    return True
