"""One key of ``router.toml`` changed: comments stay, and the file is replaced only by one that is right."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
import tempfile
import tomllib
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from router.app.installed import registry_of_settings
from router.cli.support.config_check import check_settings
from router.config.convert import known_keys
from router.config.file import Settings, load_settings
from router.config.provider import ModelFacts, ProviderSettings, Secret
from router.errors import ConfigError
from router.plugin_host.registry import Registry

__all__ = ["parse_key", "parse_value", "remove_section", "set_key"]


def parse_key(text: str) -> tuple[str, ...]:
    """A dotted key as TOML writes it: ``server.port``, ``aliases."gpt-4.1"``.

    Raises:
        ConfigError: not of that form, or without a section.
    """
    path: list[str] = []
    try:
        value: Any = tomllib.loads(f"{text} = 0") if not set(text) & set("\r\n=#") else 0
    except (ValueError, RecursionError):
        value = 0
    while isinstance(value, dict):
        step, value = next(iter(value.items()))
        path.append(step)
    if len(path) < 2:
        raise ConfigError(f'{text!r} is not a key: write SECTION.KEY, such as server.port or aliases."gpt-4.1"')
    return tuple(path)


def parse_value(settings: Settings, registry: Registry, path: tuple[str, ...], text: str) -> Any:
    """``text`` as the type of its key: text as it is, lists as ``a,b`` or as TOML, all else as TOML."""
    annotation = _annotation(settings, registry, path)
    if annotation in (str, Secret):
        return text
    if path[0] == "prices":
        return _price(text)
    try:
        data = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        data = {}
    if set(data) == {"value"}:
        return data["value"]
    if typing.get_origin(annotation) is tuple or typing.get_args(annotation)[-1:] == (ModelFacts,):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text  # the check of the result says what it must be


def _price(text: str) -> Any:
    """A part of a price, or a whole one, with its digits as they were written: 2.50 is text in the file."""
    try:
        data = tomllib.loads(f"value = {text}", parse_float=str)
    except (ValueError, RecursionError):
        return text
    return _digits_as_text(data["value"]) if set(data) == {"value"} else text


def _digits_as_text(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _digits_as_text(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_digits_as_text(part) for part in value]
    return str(value) if type(value) is int and name != "above_tokens" else value


def set_key(settings: Settings, path: tuple[str, ...], value: Any) -> None:
    """Write the key, or a whole section where ``value`` is a dict, into the file: atomically, with its mode and owner.

    Raises:
        ConfigError: the file would be wrong; it is left as it was.
    """
    try:
        document = tomlkit.parse(_uncommented(settings.text, path))
        _put(document, path, value)
        text = tomlkit.dumps(document)
    except TOMLKitError as error:
        raise ConfigError(f"{settings.path} cannot be edited: {error}; change it with an editor") from error
    expected = tomllib.loads(settings.text)
    _put(expected, path, value)
    _replace(settings, text, expected)


def remove_section(settings: Settings, path: tuple[str, ...]) -> None:
    """Take a section, with all below it, out of the file, as ``set_key`` writes one.

    Raises:
        ConfigError: the file would be wrong; it is left as it was.
    """
    expected = tomllib.loads(settings.text)
    document: Any = tomlkit.parse(settings.text)
    for table in (document, expected):
        parent: Any = table
        for step in path[:-1]:
            parent = parent[step]
        del parent[path[-1]]
    _replace(settings, tomlkit.dumps(document), expected)


def _replace(settings: Settings, text: str, expected: Mapping[str, Any]) -> None:
    """Put a new text in the file's place, if it is right and says what it should."""
    file = settings.path.resolve()
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".router-") as folder:
        candidate = Path(folder) / file.name
        _write(candidate, text, like=file)
        _check(settings.path, candidate, settings.environ)
        if tomllib.loads(text) != expected:
            raise ConfigError(f"{settings.path} has a layout that cannot be edited safely; change it with an editor")
        candidate.replace(file)


def _annotation(settings: Settings, registry: Registry, path: tuple[str, ...]) -> Any:
    """The type that is declared for a key; None where nothing is."""
    section, *steps = path
    kind: Any = known_keys(Settings).get("fallbacks" if section == "fallback" else section)
    if section in ("providers", "plugins") and steps[0] in (*settings.providers, *registry.plugins) and len(steps) > 1:
        name, *steps = steps
        plugin = str(settings.providers.get(name, {}).get("kind", name)) if section == "providers" else name
        declare = registry.hook(plugin, "settings")
        kind = declare() if declare is not None else ProviderSettings
    for step in steps:
        if dataclasses.is_dataclass(kind):
            kind = known_keys(typing.cast(type, kind)).get(step)
        else:
            kind = (typing.get_args(kind) or (None,))[-1] if _is_mapping(kind) else None
        if isinstance(kind, types.UnionType):
            kind = next(one for one in typing.get_args(kind) if one is not type(None))
    return kind


def _is_mapping(kind: Any) -> bool:
    origin = typing.get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _uncommented(text: str, path: tuple[str, ...]) -> str:
    """The text with the key's commented default (``#port = 8080``) as a setting, so that the value goes there."""
    *section, key = path
    lines = text.splitlines(keepends=True)
    current = ""
    for number, line in enumerate(lines):
        header = re.match(r"\[([^\[\]]+)\]", line)
        current = header.group(1) if header else current
        if current == ".".join(section):
            if re.match(rf"{re.escape(key)}\s*=", line):
                return text
            if re.match(rf"#{re.escape(key)}\s*=", line):
                lines[number] = line[1:]
    return "".join(lines)


def _put(table: Any, path: tuple[str, ...], value: Any) -> None:
    for depth, step in enumerate(path[:-1], 1):
        if step not in table:
            missing = {} if type(table) is dict else tomlkit.table(is_super_table=depth < len(path) - 1)
            table[step] = missing
        table = table[step]
        if not isinstance(table, dict):
            raise ConfigError(f"{'.'.join(path[:depth])} is a value, not a section: {'.'.join(path)} cannot be set")
    table[path[-1]] = value if type(table) is dict or not isinstance(value, dict) else _section(value)


def _section(values: Mapping[str, Any]) -> Any:
    """A table with a blank line after it."""
    section = tomlkit.table()
    section.update(values)
    section.add(tomlkit.nl())
    return section


def _write(path: Path, text: str, *, like: Path) -> None:
    status = like.stat()
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        with suppress(PermissionError):  # the file belongs to the service's user, and this is not root
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _check(path: Path, candidate: Path, environ: Mapping[str, str]) -> None:
    """Check the candidate as it is, without the environment's overrides, which would hide a mistake in it."""
    secrets = {name: value for name, value in environ.items() if not name.upper().startswith("ROUTER__")}
    try:
        settings = load_settings(candidate, secrets)
        check_settings(settings, registry_of_settings(settings))
    except ConfigError as error:
        raise ConfigError(f"not changed: {error.message.replace(str(candidate), str(path))}") from None
