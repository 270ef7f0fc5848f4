"""A dialect as a plugin hands it over: checked before anything relies on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from router.catalogue.snapshot import ProfileCatalogue
from router.config.file import Settings
from router.errors import ConfigError, RouterError, faults
from router.money.modalities import MODALITIES
from router.money.prices import is_complete
from router.plugin_host.registry import Registry, nearest
from router.types.dialect import Dialect
from router.types.offers import Offer

__all__ = ["DESCRIPTION", "HEALTH", "READY", "RESERVED", "dialect_of", "faults_of", "offered_by"]

HEALTH, READY, DESCRIPTION = "/healthz", "/readyz", "/openapi.json"
RESERVED = (HEALTH, READY, DESCRIPTION)
"""Paths that are the host's own, whatever the profile."""

_KEY_LENGTH = range(20, 129)
_PATHS = (
    "chat_paths",
    "embeddings_paths",
    "models_paths",
    "generation_paths",
    "credits_paths",
    "key_paths",
    "catalogue_paths",
    "health_paths",
    "estimator_paths",
)


def dialect_of(settings: Settings, registry: Registry) -> Dialect:
    """The dialect that ``[gateway] profile`` names.

    Raises:
        ConfigError: no installed plugin has a dialect of that name, or it cannot be served as it is.
    """
    name = settings.gateway.profile
    hook = registry.hook(name, "dialect")
    where = settings.where("gateway.profile")
    if hook is None:
        raise ConfigError(f"{where}: {_no_profile(name, settings, registry)}")
    try:
        dialect: Dialect = hook()
    except faults() as error:
        told = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{where}: the plugin {name!r} failed in its hook dialect: {told}") from error
    fault = next(faults_of(dialect), None)
    if fault is not None:
        raise ConfigError(f"{where}: the dialect of the plugin {name!r} cannot be served: {fault}")
    return dialect


def offered_by(dialect: Dialect, settings: Settings) -> ProfileCatalogue:
    """The profile's own catalogue, as the configuration has it served."""
    return ProfileCatalogue(dialect.offers, settings.gateway.upstream, settings.gateway.only_offers)


def _no_profile(name: str, settings: Settings, registry: Registry) -> str:
    plugin = registry.plugins.get(name)
    if plugin is not None and plugin.state == "disabled":
        where = settings.where("plugins.disabled" if name in settings.plugins.disabled else "plugins.enabled")
        return f"the plugin {name!r} is installed, but disabled: {where} leaves it out"
    if plugin is not None and plugin.state == "failed":
        return f"the plugin {name!r} is installed, but not loaded: {plugin.problem}"
    known = [one.name for one in registry.having("dialect")]
    return f"there is no profile {name!r}{nearest(name, known)} (installed: {', '.join(known) or 'none'})"


def faults_of(dialect: Dialect) -> Iterator[str]:
    """Why a dialect cannot be served, one fault at a time."""
    if not isinstance(dialect, Dialect):
        yield f"it is no router.Dialect, but a {type(dialect).__name__}"
        return
    if dialect.key_length not in _KEY_LENGTH:
        low, high = _KEY_LENGTH[0], _KEY_LENGTH[-1]
        yield f"key_length must be from {low} to {high}, not {dialect.key_length!r}"
    yield from _faults_of_stream(dialect)
    paths = Counter(RESERVED)
    for name in _PATHS:
        for path in getattr(dialect, name):
            paths[path] += 1
            if not path.startswith("/") or "<" in path or "?" in path:
                yield f"{name}: {path!r} is no path"
    yield from (f"{path} is the path of two things" for path, count in paths.items() if count > 1)
    offers = Counter(offer.id for offer in dialect.offers)
    yield from (f"it offers {offer!r} twice" for offer, count in offers.items() if count > 1)
    for offer in dialect.offers:
        yield from (f"its offer {offer.id!r} {fault}" for fault in _faults_of_offer(offer))


def _faults_of_stream(dialect: Dialect) -> Iterator[str]:
    """What it makes of a stream and an error, tried once: it is used where no failure could be told any more."""
    error = RouterError("This is a test.")
    tried: dict[str, Callable[[], Any]] = {
        "frames": lambda: dialect.frames([b"{}"]),
        "end_frame": dialect.end_frame,
        "heartbeat": dialect.heartbeat,
        "error_frame": lambda: dialect.error_frame(error),
        "error_body": lambda: json.dumps(dialect.error_body(error)).encode(),
    }
    for name, make in tried.items():
        try:
            made = make()
        except Exception as failed:
            yield f"its {name} failed: {type(failed).__name__}: {failed}"
        else:
            if not isinstance(made, bytes):
                yield f"its {name} gives {type(made).__name__}, not bytes"
    status = dialect.error_status(error)
    if type(status) is not int or not 400 <= status <= 599:
        yield f"its error_status gives {status!r}, which is no status of an error"


def _faults_of_offer(offer: Offer) -> Iterator[str]:
    if offer.kind not in MODALITIES:
        yield f"is of the kind {offer.kind!r}: write one of {', '.join(MODALITIES)}"
    if not offer.routes:
        yield 'has no route: write "provider/model"'
    for route in offer.routes:
        provider, _, model = route.partition("/")
        if not provider or not model:
            yield f'has the route {route!r}: write "provider/model"'
    if offer.price is not None and not is_complete(offer.price, offer.kind):
        yield "has a price without input or output"
