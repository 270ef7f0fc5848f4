"""A configuration without the providers' secrets, for processes that serve pages and must not know them.

What is taken out is what the plugins' settings declare as ``Secret``, the headers of requests, and keys that nobody
declares. References to the environment stay (``env:NAME``): they say what is configured, and the variable is not there.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from router.config.convert import known_keys
from router.config.file import Settings, load_settings
from router.config.provider import ProviderSettings, Secret
from router.plugin_host.registry import Registry
from router.store.sealing import MASTER_KEY

__all__ = ["keyless", "keyless_environ", "keyless_text"]

_PREFIX = "ROUTER__"
_SECTIONS = ("portal", "mail", "database")
"""Those whose variables the process needs."""
_SYSTEM = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TZ|TZDIR|TMPDIR|TEMP|TMP|VIRTUAL_ENV|LD_LIBRARY_PATH"
    r"|PYTHON[A-Z]+|SSL_CERT_FILE|SSL_CERT_DIR|OPENSSL_CONF|MALLOC_[A-Z_]+|GEVENT_[A-Z_]+"
    r"|PG(?:HOST|HOSTADDR|PORT|DATABASE|USER|PASSWORD|PASSFILE|SERVICE|SERVICEFILE|OPTIONS|APPNAME|SSL[A-Z]+|TZ"
    r"|CONNECT_TIMEOUT|CLIENTENCODING|CHANNELBINDING|REQUIREAUTH|REQUIREPEER|TARGETSESSIONATTRS|GSSENCMODE|KRBSRVNAME)"
)
"""What Python, the system's libraries and PostgreSQL's client read."""
_HEADERS = "headers"
_DECLARING = ("plugin_settings", "settings")
_SHORT = 8  # what is shorter may be a word of the comments by chance


def keyless(settings: Settings, registry: Registry) -> Settings:
    """The same configuration without providers' secrets; as checked as the one that is given."""
    environ = keyless_environ(settings, registry)
    return load_settings(settings.path, environ, content=keyless_text(settings, registry))


def keyless_text(settings: Settings, registry: Registry) -> bytes:
    """The file's text without providers' secrets, on the same lines as far as that goes."""
    data = tomllib.loads(settings.text)
    providers = data.get("providers", {})
    bare = {name: _bare(section, _record_of(settings, registry, name)) for name, section in providers.items()}
    if bare == providers:
        return settings.text.encode("utf-8")
    return _rewritten(settings.text, {**data, "providers": bare}, set(_texts(providers)) - set(_texts(bare)))


def keyless_environ(settings: Settings, registry: Registry) -> dict[str, str]:
    """The variables that the system, the database, the mail and the portal need, the master key, and all that
    configure the gateway but for providers' secrets.
    """
    environ = settings.environ
    overrides = {name: value for name, value in environ.items() if name.upper().startswith(_PREFIX)}
    named = {MASTER_KEY, *_named(tomllib.loads(settings.text), overrides), *_of_methods(settings, registry)}
    kept = {name: value for name, value in environ.items() if name in named or _SYSTEM.fullmatch(name)}
    return kept | {name: _override(settings, registry, name, value) for name, value in overrides.items()}


def _named(data: Mapping[str, Any], overrides: Mapping[str, str]) -> Iterator[str]:
    """The variables to which the sections that the process needs refer."""
    texts = [*_texts({section: data.get(section, {}) for section in _SECTIONS})]
    wanted = tuple(f"{_PREFIX}{section.upper()}__" for section in _SECTIONS)
    texts += [value.strip() for name, value in overrides.items() if name.upper().startswith(wanted)]
    for text in texts:
        if text.startswith("env:"):
            yield from text.removeprefix("env:").split("|")


def _of_methods(settings: Settings, registry: Registry) -> Iterator[str]:
    """The variables of payment methods, which pages begin payments by."""
    for method in settings.payments.methods:
        texts = [*_texts(settings.plugin_sections.get(method, {}))]
        hook = next((name for name in _DECLARING if registry.hook(method, name)), "")
        record = registry.ask(method, hook, _checked) if hook else None
        defaults = (field.default for field in dataclasses.fields(record)) if record is not None else ()
        texts += [one.source for one in defaults if isinstance(one, Secret)]
        prefix = f"{_PREFIX}PLUGINS__{method.upper()}__"
        texts += [value.strip() for name, value in settings.environ.items() if name.upper().startswith(prefix)]
        for text in texts:
            if text.startswith("env:"):
                yield from text.removeprefix("env:").split("|")


def _override(settings: Settings, registry: Registry, name: str, value: str) -> str:
    """A variable's value, empty where it is a provider's secret."""
    section, *steps = name[len(_PREFIX) :].lower().split("__")
    if section != "providers" or len(steps) < 2:
        return value
    provider, *keys = steps
    bare: Any = value
    for key in reversed(keys):
        bare = {key: bare}
    bare = _bare(bare, _record_of(settings, registry, provider))
    for key in keys:
        bare = bare[key]
    return str(bare)


def _record_of(settings: Settings, registry: Registry, name: str) -> Any:
    """The type of a provider's settings, as its plugin declares it."""
    kind = str(settings.providers.get(name, {}).get("kind", name))
    record = registry.ask(kind, "settings", _checked) if kind in registry.plugins else None
    return record or ProviderSettings


def _checked(record: Any) -> Any:
    known_keys(record)
    return record


def _bare(data: Any, kind: Any) -> Any:
    """``data`` without what its type keeps secret, and without the texts of keys that the type does not have."""
    if kind is Secret:
        return _blank(data)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _bare(data, next(one for one in arguments if one is not type(None)))
    if origin is tuple:
        return [_bare(one, arguments[0]) for one in data] if isinstance(data, list) else _bare(data, arguments[0])
    if not isinstance(data, dict):
        return data
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _bare(value, arguments[1]) for name, value in data.items()}
    if dataclasses.is_dataclass(kind):
        known = known_keys(typing.cast(type, kind)) | {_HEADERS: Secret}
        return {name: _bare(value, known.get(name, Secret)) for name, value in data.items()}
    return data


def _blank(data: Any) -> Any:
    if isinstance(data, str):
        return data if data.strip().startswith("env:") else ""
    if isinstance(data, dict):
        return {name: _blank(value) for name, value in data.items()}
    return [_blank(value) for value in data] if isinstance(data, list) else data


def _texts(data: Any) -> Iterator[str]:
    """Every text in it."""
    if isinstance(data, str):
        yield data
    for part in data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ():
        yield from _texts(part)


def _rewritten(text: str, bare: dict[str, Any], secrets: set[str]) -> bytes:
    """The text that says ``bare``: the old one, edited, or a new one where that cannot be edited safely."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        _put_over(document["providers"], bare["providers"])
        edited = tomlkit.dumps(document)
        for secret in secrets:  # an older line with the same key may have become a comment
            edited = edited.replace(secret, "") if len(secret) >= _SHORT else edited
        if tomllib.loads(edited) == bare:
            return edited.encode("utf-8")
    except (TOMLKitError, LookupError, TypeError, ValueError):
        pass
    return tomlkit.dumps(bare).encode("utf-8")


def _put_over(table: Any, values: Any) -> None:
    """Put ``values`` in the place of those that differ."""
    for name, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, dict | list):
            _put_over(table[name], value)
        elif table[name] != value:
            table[name] = value
