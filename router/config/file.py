"""``router.toml`` and the environment -> one frozen ``Settings``. Nothing else reads the environment.

Each key can be overridden by a variable: ``ROUTER__SERVER__PORT=9000`` is ``[server] port``. A misspelt key or a bad
value is refused with the file, the line and the nearest right one.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from router.config.convert import EnvironmentText, build_record
from router.config.guards import GuardSettings, GuardsSettings
from router.config.line import AuthenticationSettings, CacheSettings, RoutingSettings
from router.config.metrics import MetricsSettings
from router.config.networks import network_of
from router.config.origins import check_origins
from router.config.payments import PaymentsSettings
from router.config.portal import MailSettings, PortalSettings
from router.config.provider import ProviderSettings, Secret
from router.config.schema import (
    BillingSettings,
    DatabaseSettings,
    GatewaySettings,
    LimitsSettings,
    PluginsSettings,
    ResponsesSettings,
    ServerSettings,
)
from router.config.webhooks import WebhooksSettings
from router.errors import ConfigError

__all__ = ["Settings", "load_settings", "misspelt_variables"]

_PREFIX = "ROUTER__"
_AROUND = " \t\r\n\v\f\0\u00a0\u200b\ufeff"
_FREE = frozenset({"providers", "aliases", "fallback", "prices"})  # tables whose keys are the operator's own names


@dataclass(frozen=True)
class Settings:
    """The whole configuration.

    Attributes:
        path: the file; relative paths in it are relative to its folder.
        providers: section name -> its keys as written; checked by ``record`` once the plugin is known.
        aliases: alias -> model ID.
        fallbacks: model ID -> model IDs to try next, best first (``[fallback]``).
        prices: model ID -> its price as written (``[prices]``); checked by whoever reads it.
        plugin_sections: plugin name -> the keys of ``[plugins.NAME]``.
        guarded: plugin name -> ``[guards.NAME]``.
    """

    path: Path
    server: ServerSettings = field(default_factory=ServerSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    billing: BillingSettings = field(default_factory=BillingSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    responses: ResponsesSettings = field(default_factory=ResponsesSettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    authentication: AuthenticationSettings = field(default_factory=AuthenticationSettings)
    portal: PortalSettings = field(default_factory=PortalSettings)
    mail: MailSettings = field(default_factory=MailSettings)
    payments: PaymentsSettings = field(default_factory=PaymentsSettings)
    webhooks: WebhooksSettings = field(default_factory=WebhooksSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    plugins: PluginsSettings = field(default_factory=PluginsSettings)
    guards: GuardsSettings = field(default_factory=GuardsSettings)
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prices: Mapping[str, Any] = field(default_factory=dict)
    plugin_sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    guarded: Mapping[str, GuardSettings] = field(default_factory=dict)
    text: str = field(default="", repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def record(self, kind: type, section: str, data: Mapping[str, Any]) -> Any:
        """``data`` as an instance of the dataclass ``kind``; errors name ``[section]`` and its line."""

        def locate(path: str) -> str:
            return self.where(f"{section}.{path}" if path else section)

        return build_record(kind, data, locate=locate, secret=self.secret)

    def secret(self, text: str) -> Secret:
        """``env:NAME`` from the environment, empty when unset (of ``env:A|B`` the first that is set); else the text.

        What a file or a secret's volume adds around it (a line feed, a byte order mark) is no part of it.
        """
        if text.startswith("env:"):
            values = (_trimmed(self.environ.get(name, "")) for name in text.removeprefix("env:").split("|"))
            return Secret(next(filter(None, values), ""), text)
        return Secret(_trimmed(text), "configuration")

    def where(self, path: str) -> str:
        """``router.toml, line 7: [server] port`` for the dotted key ``server.port``; or the variable that set it.

        A key that holds dots itself needs no quotes; entries of a list of tables are counted from 0.
        """
        variable = _PREFIX + path.upper().replace(".", "__")
        named = {name.upper() for name in self.environ}
        line, written = _line_of(self.text, path)
        inner = [name for name in sorted(named) if name.startswith(f"{variable}__")] if line is None else []
        if variable in named or inner:
            return f"environment variable {variable if variable in named else inner[0]}"
        return f"{self.path}{f', line {line}' if line else ''}: {_place(path, written)}"


def load_settings(path: Path, environ: Mapping[str, str] | None = None, *, content: bytes | None = None) -> Settings:
    """Read and check the configuration. Provider and plugin sections are checked later, when their plugin is known.

    Args:
        content: what to take for the file's content; None reads the file.

    Raises:
        ConfigError: no such file, not TOML, or an unknown key or bad value.
    """
    environ = os.environ if environ is None else environ
    try:
        text = (path.read_bytes() if content is None else content).decode("utf-8-sig").replace("\r\n", "\n")
        data = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration at {path}: run `router init`, or give --config FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits and lists 1,000 deep are no TOMLDecodeError
        raise ConfigError(f"{path} is not valid TOML: {_in_words(error)}") from error
    overridden = _override(data, environ)
    return _settings(Settings(path=path, text=text, environ=dict(environ)), overridden)


def misspelt_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that look like keys of ours, but hold single underscores, and so set nothing -> how each is written.

    What Kubernetes sets for a service called ``router-server`` (``ROUTER_SERVER_PORT=tcp://...``) is none of them.
    """
    found = {}
    for name, value in sorted(environ.items()):
        match = re.fullmatch(r"ROUTER_+([A-Z]+)_+(\w+)", name.upper())
        if match is None or name.upper().startswith(_PREFIX) or value.startswith("tcp://"):
            continue
        key = _key_like(match[1].lower(), match[2].lower())
        if key is not None:
            found[name] = f"{_PREFIX}{match[1]}__{key.upper()}"
    return found


def _key_like(section: str, text: str) -> str | None:
    """The key of a section, in the spelling of variables, that ``text`` may mean; a provider's name goes before it."""
    if section == "providers":
        keys = (one.name for one in fields(ProviderSettings) if text.endswith(f"_{one.name}"))
        key = max(keys, key=len, default=None)
        return key and f"{text.removesuffix(key).rstrip('_')}__{key}"
    kind = _SECTIONS.get(section)
    known = [one.name for one in fields(kind)] if kind is not None else []
    return next(iter(difflib.get_close_matches(text, known, n=1, cutoff=0.75)), None)


_SECTIONS: Mapping[str, type] = {
    "server": ServerSettings,
    "database": DatabaseSettings,
    "gateway": GatewaySettings,
    "billing": BillingSettings,
    "limits": LimitsSettings,
    "responses": ResponsesSettings,
    "routing": RoutingSettings,
    "cache": CacheSettings,
    "authentication": AuthenticationSettings,
    "portal": PortalSettings,
    "mail": MailSettings,
    "payments": PaymentsSettings,
    "webhooks": WebhooksSettings,
    "metrics": MetricsSettings,
    "plugins": PluginsSettings,
    "guards": GuardsSettings,
}


def _settings(base: Settings, data: dict[str, Any]) -> Settings:
    known = [*_SECTIONS, *_FREE]
    for name, value in data.items():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean [{close[0]}]?" if close else f"; the sections are {', '.join(sorted(known))}"
            raise ConfigError(f"{base.where(name)}: unknown section{hint}")
        if not isinstance(value, dict):
            raise ConfigError(f"{base.where(name)}: must be a table, not {value!r}")
    sections, guarded = (_tables_of(data, name) for name in ("plugins", "guards"))
    records = {name: base.record(kind, name, data.get(name, {})) for name, kind in _SECTIONS.items()}
    for name, table in data.get("providers", {}).items():
        if not isinstance(table, dict):
            raise ConfigError(f"{base.where(f'providers.{name}')}: must be a table: write [providers.{name}]")
    _check_proxies(base, records["server"])
    _check_origins(base, records["server"])
    _check_aliases(base, data.get("aliases", {}))
    return Settings(
        path=base.path,
        text=base.text,
        environ=base.environ,
        providers=data.get("providers", {}),
        aliases=data.get("aliases", {}),
        fallbacks=_fallbacks(base, data.get("fallback", {})),
        prices=data.get("prices", {}),
        plugin_sections=sections,
        guarded={name: base.record(GuardSettings, f"guards.{name}", table) for name, table in guarded.items()},
        **records,
    )


def _tables_of(data: dict[str, Any], section: str) -> dict[str, Any]:
    """Take the tables of a section that are named by operators out of it."""
    whole = data.get(section, {})
    tables = {name: table for name, table in whole.items() if isinstance(table, dict)}
    data[section] = {name: value for name, value in whole.items() if name not in tables}
    return tables


def _check_proxies(base: Settings, server: ServerSettings) -> None:
    for proxy in server.trusted_proxies:
        try:
            network_of(proxy)
        except ValueError as error:
            raise ConfigError(f"{base.where('server.trusted_proxies')}: {error}") from None


def _check_origins(base: Settings, server: ServerSettings) -> None:
    try:
        check_origins(server.cors_origins, credentials=server.cors_credentials)
    except ValueError as error:
        raise ConfigError(f"{base.where('server.cors_origins')}: {error}") from None


def _check_aliases(base: Settings, table: Mapping[str, Any]) -> None:
    for alias, target in table.items():
        if not isinstance(target, str) or not target:
            where = base.where(f"aliases.{alias}")
            raise ConfigError(f'{where}: must be a model ID such as "openai/gpt-4o", not {target!r}')


def _fallbacks(base: Settings, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    for model, targets in table.items():
        if not isinstance(targets, list) or not targets or not all(isinstance(one, str) and one for one in targets):
            where = base.where(f"fallback.{model}")
            raise ConfigError(f'{where}: must be a list of model IDs such as ["openai/gpt-4o"], not {targets!r}')
    return {model: tuple(targets) for model, targets in table.items()}


def _in_words(error: Exception) -> str:
    """A TOML error; a section written twice is named as the file has it."""
    twice = re.match(r"Cannot declare \((.+?),?\) twice (.*)", str(error))
    if twice is None:
        return str(error)
    name = ".".join(re.findall(r"'([^']*)'", twice[1]))
    return f"[{name}] is there twice {twice[2]}: put both into one section"


def _trimmed(text: str) -> str:
    return text.strip(_AROUND)


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """``data`` with the values of ``ROUTER__...`` variables put in, as text that its key will convert."""
    for name in sorted(environ):
        if not name.upper().startswith(_PREFIX):
            continue
        path = name[len(_PREFIX) :].lower().split("__")
        if len(path) < 2 or not all(path):
            raise ConfigError(
                f"environment variable {name}: write {_PREFIX}SECTION__KEY, such as {_PREFIX}SERVER__PORT"
            )
        table = data
        for step in path[:-1]:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                raise ConfigError(f"environment variable {name}: {step!r} is a value, not a section")
        table[path[-1]] = EnvironmentText(_trimmed(environ[name]))
    return data


def _line_of(text: str, path: str) -> tuple[int | None, list[str]]:
    """Where the dotted key, or its nearest parent, is written: line and parts; a best effort, for messages."""
    section: list[str] = []
    lists: dict[str, int] = {}
    best: tuple[str, int | None, list[str]] = ("", None, [])
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[{1,2})\s*([^\]]+?)\s*\]{1,2}", line)
        key = re.match(r"\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9_.-]+)\s*=", line)
        if header:
            section = _parts(header.group(2))
            if header.group(1) == "[[":
                name = ".".join(section)
                lists[name] = lists.get(name, -1) + 1
                section = [*section, str(lists[name])]
        here = section if header else [*section, *_parts(key.group(1))] if key else None
        joined = ".".join(here or ())
        if here and f"{path}.".startswith(f"{joined}.") and len(joined) > len(best[0]):
            best = (joined, number, here)
    return best[1], best[2]


def _place(path: str, written: list[str]) -> str:
    """A dotted key as a reader of the file looks for it: ``[server] port``, ``[[providers.acme.endpoints]] 2: weight``.

    Args:
        written: the parts of the key, or of its nearest parent, as the file has them.
    """
    listed = re.fullmatch(r"(.+?)\.(\d+)(?:\.(.+))?", path)
    if listed and (listed.group(3) or written[-1:] == [listed.group(2)]):
        key = f": {listed.group(3)}" if listed.group(3) else ""
        return f"[[{listed.group(1)}]] number {int(listed.group(2)) + 1}{key}"
    if ".".join(written) == path:
        section, key = ".".join(written[:-1]), written[-1]
    elif path.partition(".")[0] in ("aliases", "fallback", "prices"):
        section, _, key = path.partition(".")
    else:
        section, _, key = path.rpartition(".")
    return f"[{section}] {key}" if section else f"[{key}]"


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", dotted)]
