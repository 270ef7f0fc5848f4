"""Configured providers: a section of ``router.toml`` bound to its plugin, its checked settings and its transport."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from router.catalogue.facts import facts_fault, given_facts
from router.catalogue.snapshot import ProviderModels
from router.config.file import Settings
from router.config.provider import ProviderSettings, Secret, Timeouts, secrets_in
from router.errors import ConfigError, faults
from router.plugin_host.registry import Registry, nearest
from router.providers.endpoints import Endpoints
from router.providers.health import EndpointHealth
from router.providers.signing import signing
from router.store.provider_keys import StoredKey
from router.types.masking import remember
from router.types.records import CallContext, ModelCard
from router.types.request_rules import RequestRules
from router.types.transport import Transport
from router.upstream.checking import fault_of_card

__all__ = ["ConfiguredProvider", "StoredKeys", "build_providers", "listings"]

OpenTransport = Callable[[ProviderSettings], Transport]
StoredKeys = Mapping[tuple[str, int], StoredKey]
_NO_KEYS: StoredKeys = {}
_log = logging.getLogger("router.providers")
_SENDABLE = re.compile(r"[!-~]*", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_NEEDED = frozenset({"model", "messages", "input", "stream"})  # without these a call is none


@dataclass(frozen=True)
class ConfiguredProvider:
    """One provider as calls use it.

    Attributes:
        name: the section's name, the first part of its model IDs.
        kind: the plugin that serves it.
        settings: the section, checked, of the plugin's own type.
        hooks: the plugin's hooks.
        transport: how it is reached.
        endpoints: where, and which of these are well.
        problem: what must still be set before it can serve; empty when it is active.
        lacks_secret: the problem is that a secret is not in this environment, and nothing else.
        unset: what this environment lacks, where the provider is taken as active all the same: a command may speak of
            it, and must not call it.
        rules: what its requests may hold.
    """

    name: str
    kind: str
    settings: ProviderSettings
    hooks: Mapping[str, Callable[..., Any]] = field(repr=False)
    transport: Transport = field(repr=False)
    endpoints: Endpoints = field(repr=False)
    problem: str = ""
    rules: RequestRules = field(default=RequestRules(), repr=False)
    lacks_secret: bool = False
    unset: str = ""

    def timeouts(self, model: str) -> Timeouts:
        """The limits of calls to ``model``."""
        own = self.settings.timeouts_for.get(model)
        return self.settings.timeouts if own is None else own.over(self.settings.timeouts)

    def dropped(self, model: str) -> tuple[str, ...]:
        """Request fields that are not passed on to ``model``."""
        return self.settings.drop_params + self.settings.drop_params_for.get(model, ())

    def caps(self, model: str) -> tuple[str, ...]:
        """Names under which ``model`` is sent an output cap: one that is dropped is none."""
        dropped = self.dropped(model)
        return tuple(name for name in self.settings.cap_params or self.rules.caps if name not in dropped)

    @property
    def active(self) -> bool:
        return not self.problem

    def context(self, model: str = "") -> CallContext:
        """The context of a call to ``model`` with this section's own limits."""
        context = CallContext(self.name, model, self.settings, self.transport, self.settings.timeouts)
        return signing(context, self.hooks)

    def cards(self) -> list[ModelCard]:
        """The plugin's own list; empty where it has none, or fails to give it."""
        try:
            return self._cards()
        except faults():
            return []

    def fault_of_cards(self) -> str:
        """Why the plugin's list cannot be had; empty where it can."""
        try:
            self._cards()
        except faults() as error:
            return f"its plugin {self.kind!r} failed in its hook models: {type(error).__name__}: {error}"
        return ""

    def _cards(self) -> list[ModelCard]:
        models = self.hooks.get("models")
        cards: list[Any] = list(models(context=self.context())) if models is not None else []
        for card in cards:
            fault = fault_of_card(card)
            if fault:
                raise TypeError(fault)
        return cards


def build_providers(
    settings: Settings, registry: Registry, open_transport: OpenTransport, stored_keys: StoredKeys = _NO_KEYS
) -> dict[str, ConfiguredProvider]:
    """Every configured provider, and every installed provider plugin under its own name, active or not.

    Args:
        stored_keys: (section, number of its endpoint from 1, 0 for the section itself) -> the key in the database,
            which holds where configuration and environment give none.

    Raises:
        ConfigError: a section of an unknown plugin, or with unknown keys or bad values; or no provider is called as
            ``[gateway] upstream`` says.
    """
    kinds = {plugin.name for plugin in registry.plugins.values() if "provider" in plugin.roles}
    sections: dict[str, Mapping[str, Any]] = {name: {} for name in sorted(kinds)}
    sections.update(settings.providers)
    built = _Builder(settings, registry, kinds, open_transport, stored_keys)
    wanted = {name: section for name, section in sections.items() if _wanted(name, section, settings, registry)}
    _check_upstream(settings, wanted)
    return {name: built.provider(name, section) for name, section in wanted.items()}


def listings(providers: Mapping[str, ConfiguredProvider]) -> dict[str, ProviderModels]:
    """What the active providers bring to the catalogue."""
    found = {}
    for name, provider in providers.items():
        if provider.active:
            cards = provider.cards()
            configured = {model: given_facts(facts) for model, facts in provider.settings.models.items()}
            unlisted = provider.settings.unlisted
            found[name] = ProviderModels(
                cards, configured, unlisted if unlisted is not None else not (cards or configured)
            )
    return found


def _check_upstream(settings: Settings, known: Collection[str]) -> None:
    name = settings.gateway.upstream
    if name and name not in known:
        where, there = settings.where("gateway.upstream"), ", ".join(sorted(known)) or "none"
        raise ConfigError(f"{where}: there is no provider {name!r}{nearest(name, known)} (there are: {there})")


def _wanted(name: str, section: Mapping[str, Any], settings: Settings, registry: Registry) -> bool:
    """False for the section of a plugin that is installed but switched off: it may stay in the file."""
    plugin = registry.plugins.get(str(section.get("kind", name)))
    return plugin is None or plugin.state != "disabled"


@dataclass(frozen=True)
class _Builder:
    """Makes a provider of a section."""

    settings: Settings
    registry: Registry
    kinds: set[str]
    open_transport: OpenTransport
    stored_keys: StoredKeys

    def provider(self, name: str, section: Mapping[str, Any]) -> ConfiguredProvider:
        kind = str(section.get("kind", name))
        record = self.registry.ask(kind, "settings", lambda given: given) or ProviderSettings
        plugin = self.registry.plugins.get(kind)  # which is left out if it failed just now
        if plugin is not None and plugin.state == "failed":
            failed = ProviderSettings(kind=kind)
            problem = f"its plugin is not loaded: {plugin.problem}"
            return ConfiguredProvider(name, kind, failed, {}, self.open_transport(failed), Endpoints(name, ()), problem)
        if plugin is None or kind not in self.kinds:
            where = self.settings.where(f"providers.{name}.kind")
            raise ConfigError(f"{where}: {_unknown_kind(name, kind, section, self.kinds)}")
        checked: ProviderSettings = replace(self.settings.record(record, f"providers.{name}", section), kind=kind)
        self._check(f"providers.{name}", checked)
        checked, problem = self._with_key(name, 0, checked)
        places, problems = self._places(name, checked, problem)
        for record in (checked, *(place.settings for place in places)):
            for secret in (*secrets_in(record), *record.headers.values()):
                remember(secret)
        lacks_secret = any(problems) and not any(_keyed(place.settings).missing() for place in places)
        problem = next(filter(None, problems), "")
        transport = self.open_transport(checked)
        hooks = {hook: function for hook, function in plugin.hooks.items() if hook not in checked.lacks_hooks()}
        provider = ConfiguredProvider(name, kind, checked, hooks, transport, Endpoints(name, places), problem)
        rules, fault = _rules_of(provider)
        fault = fault or ("" if problem else provider.fault_of_cards())
        if fault:
            _log.error("provider %s is left out: %s", name, fault)
        return replace(provider, rules=rules, problem=problem or fault, lacks_secret=lacks_secret and not fault)

    def _check(self, place: str, checked: ProviderSettings) -> None:
        """What the types of the settings cannot say. The place of a fault is looked up only when there is one."""
        urls = {f"{place}.base_url": checked.base_url}
        urls |= {f"{place}.endpoints.{number}.base_url": one.base_url for number, one in enumerate(checked.endpoints)}
        drops = {f"{place}.drop_params": checked.drop_params}
        drops |= {f"{place}.drop_params_for.{model}": names for model, names in checked.drop_params_for.items()}
        keys = {f"{place}.api_key": checked.api_key}
        keys |= {f"{place}.endpoints.{number}.api_key": one.api_key for number, one in enumerate(checked.endpoints)}
        faults = {path: fault for path, url in urls.items() if url and (fault := _fault_of_url(url))}
        faults |= {path: fault for path, key in keys.items() if (fault := _fault_of_key(key))}
        faults |= {f"{place}.headers": fault for fault in _faults_of_headers(checked.headers)}
        faults |= {path: fault for path, names in drops.items() if (fault := _fault_of_drops(names))}
        for model, facts in checked.models.items():
            key, fault = facts_fault(facts)
            if fault:
                faults[f"{place}.models.{model}.{key}"] = fault
        for path, fault in faults.items():
            raise ConfigError(f"{self.settings.where(path)}: {fault}")

    def _with_key(self, name: str, number: int, checked: ProviderSettings) -> tuple[ProviderSettings, str]:
        """The settings with the stored key where they have none of their own, and why that cannot be read."""
        stored = self.stored_keys.get((name, number))
        if stored is None or checked.api_key:
            return checked, ""
        return (checked, stored.problem) if stored.problem else (replace(checked, api_key=stored.key), "")

    def _places(self, name: str, checked: ProviderSettings, problem: str) -> tuple[list[EndpointHealth], list[str]]:
        """The section's endpoints, the section itself where it lists none; and what each of them still needs.

        Args:
            problem: why the section's own key cannot be read; only those that would use it are concerned.
        """
        if not checked.endpoints:
            place = EndpointHealth(name, checked, max_concurrent=checked.max_concurrent)
            return [place], [problem or checked.missing() or ""]
        places, problems = [], []
        for number, endpoint in enumerate(checked.endpoints, 1):
            at = replace(checked, base_url=endpoint.base_url or checked.base_url)
            own, unread = self._with_key(name, number, replace(at, api_key=endpoint.api_key))
            if not own.api_key and not own.api_key.source and not unread:
                own, unread = at, problem
            limit = endpoint.max_concurrent or checked.max_concurrent
            places.append(EndpointHealth(f"{name}#{number}", own, endpoint.weight, limit))
            problems.append(unread or own.missing() or "")
        return places, problems


def _rules_of(provider: ConfiguredProvider) -> tuple[RequestRules, str]:
    """What the plugin says of requests; and why it is no use, where it is none."""
    hook = provider.hooks.get("request_rules")
    if hook is None:
        return RequestRules(), ""
    try:
        rules = hook(context=provider.context())
    except Exception as error:
        return RequestRules(), f"its plugin's request_rules failed: {type(error).__name__}: {error}"
    if not isinstance(rules, RequestRules):
        return RequestRules(), f"its plugin's request_rules gave {type(rules).__name__}, not router.RequestRules"
    return rules, ""


def _keyed(settings: ProviderSettings) -> ProviderSettings:
    """The settings as they would be with a key, to see what else is missing."""
    return settings if settings.api_key else replace(settings, api_key=Secret("unknown", settings.api_key.source))


def _unknown_kind(name: str, kind: str, section: Mapping[str, Any], kinds: set[str]) -> str:
    close = difflib.get_close_matches(kind, sorted(kinds), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the installed ones are {', '.join(sorted(kinds))}."
    remedy = (
        ""
        if "kind" in section
        else f' An upstream that speaks OpenAI\'s wire needs no plugin: kind = "compatible" and a base_url for {name}.'
    )
    return f"no provider plugin is called {kind!r}; {hint}{remedy}"


def _fault_of_drops(names: Sequence[str]) -> str:
    needed = [name for name in names if name in _NEEDED]
    return f"{needed[0]!r} cannot be dropped: no call can be made without it" if needed else ""


def _fault_of_key(key: Secret) -> str:
    """What keeps a key from being sent in a header; never shows a part of it."""
    text = key.reveal()
    if _SENDABLE.fullmatch(text):
        return ""
    given = f"what the environment variable {key.source.removeprefix('env:').replace('|', ' or ')} holds"
    if not key.source.startswith("env:"):
        given = "what is given"
    position = next(at for at, sign in enumerate(text, 1) if not "!" <= sign <= "~")
    return f"{given} is no key: its character {position} is a blank, a line break or no ASCII. Copy the key anew"


def _faults_of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            yield f"{name!r} is not the name of a header"
        elif not value.isprintable() or max(value, default="") > "\xff":
            yield f"the value of {name!r} cannot be sent: it holds a line break, or characters outside Latin-1"


def _fault_of_url(url: str) -> str:
    if any(sign.isspace() or not sign.isprintable() for sign in url):
        return "the base URL holds a blank or a sign that does not show: write it without"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if good and not parts.query and not parts.fragment and parts.username is None:
        return ""
    shown = "it" if "@" in url or "?" in url else repr(url)  # it may hold a secret
    return f'{shown} is not a base URL: write "https://host/v1", without a query or a password'
