"""What a gateway that starts well still lacks: providers without their key, models without a price, upstreams that are
not there. The start says it in its log, ``/readyz`` in general words, ``router doctor`` with what cures it.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

from router.catalogue.snapshot import Snapshot
from router.config.file import Settings
from router.providers.configured import ConfiguredProvider
from router.providers.places import upstream_urls

__all__ = ["Lack", "ReadinessWarnings", "lacks", "unreachable"]

_log = logging.getLogger("router.app")
_WAIT_S = 2.0
_SHOWN_MAX = 3
_AT_ONCE_MAX = 16


class Lack(NamedTuple):
    """Something that is missing.

    Attributes:
        code: ``no_provider``, ``provider_not_configured``, ``model_not_priced`` or ``upstream_unreachable``.
        detail: what was found, for operators.
        remedy: the command or the setting that cures it.
    """

    code: str
    detail: str
    remedy: str


_GENERAL: Mapping[str, str] = {
    "no_provider": "No provider with an upstream is set up.",
    "provider_not_configured": "A configured provider cannot serve yet.",
    "model_not_priced": "Some models have no price: calls to them are refused.",
    "upstream_unreachable": "An upstream does not answer.",
}


def lacks(settings: Settings, providers: Mapping[str, ConfiguredProvider], snapshot: Snapshot | None) -> Iterator[Lack]:
    """What can be told without asking anybody.

    Args:
        snapshot: the catalogue; None where that cannot be read.
    """
    for name in settings.providers:
        provider = providers.get(name)
        if provider is not None and not provider.active:
            key = f"; or store its key: `router providers set-key {name}`" if "variable" in provider.problem else ""
            detail = f"the section [providers.{name}] serves nothing"
            yield Lack("provider_not_configured", detail, f"{provider.problem}{key}")
    if not any(provider.active and upstream_urls(provider) for provider in providers.values()):
        remedy = "`router providers list` says what each waits for; `router providers add NAME` writes a section"
        yield Lack("no_provider", "no provider with an upstream is set up", remedy)
    if snapshot is not None and settings.gateway.bills:
        yield from _unpriced(providers, snapshot)


def _unpriced(providers: Mapping[str, ConfiguredProvider], snapshot: Snapshot) -> Iterator[Lack]:
    found: dict[str, list[str]] = {}
    for entry in snapshot.entries.values():
        if entry.enabled and entry.available and snapshot.price_of(entry) is None:
            found.setdefault(entry.provider, []).append(entry.id)
    for provider, ids in sorted(found.items()):
        detail = f"{len(ids)} model(s) of {provider} have no price, and calls are refused: {_few(sorted(ids))}"
        remedy = f"`router models price {min(ids)} --input AMOUNT --output AMOUNT`, or --free"
        if snapshot.prices.rate_nano is None:
            remedy += "; or [billing] usd_rate, for list prices"
        yield Lack("model_not_priced", detail, remedy)
    listed = {entry.provider for entry in snapshot.entries.values()}
    for name in sorted(snapshot.unlisted - listed):
        if name in providers and not snapshot.prices.sells(name):
            detail = f"{name} passes on every model, and none of them has a price: calls are refused"
            price = f"router models price {name}/MODEL --input AMOUNT --output AMOUNT"
            remedy = f"`router models sync {name}`, then `{price}`"
            yield Lack("model_not_priced", detail, remedy)


def unreachable(providers: Iterable[ConfiguredProvider], wait_s: float = _WAIT_S) -> list[Lack]:
    """The active providers' places that take no connection; each is tried once, all at the same time, and sent nothing.

    One behind an HTTP proxy (``transport = "requests"``) is not tried.
    """
    places = [
        (provider.name, url)
        for provider in providers
        if provider.active and provider.settings.transport == "native"
        for url in dict.fromkeys(upstream_urls(provider))
    ]
    if not places:
        return []
    with ThreadPoolExecutor(min(len(places), _AT_ONCE_MAX)) as pool:
        faults = list(pool.map(lambda place: _fault(place[1], wait_s), places))
    return [
        Lack(
            "upstream_unreachable",
            f"{name} cannot be reached at {url}: {fault}",
            f"start what serves there, or correct it: `router config set providers.{name}.base_url URL`",
        )
        for (name, url), fault in zip(places, faults, strict=True)
        if fault
    ]


def _fault(url: str, wait_s: float) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=wait_s):
            return ""
    except (TimeoutError, ssl.SSLError):
        return f"no connection within {wait_s:g} s"
    except OSError as error:
        return error.strerror or str(error)


class ReadinessWarnings:
    """What one worker knows of it."""

    def __init__(self, settings: Settings, providers: Mapping[str, ConfiguredProvider]) -> None:
        self._settings = settings
        self._providers = providers
        self._logged: frozenset[Lack] = frozenset()
        self._known: tuple[Snapshot | None, frozenset[str]] = (None, frozenset())

    def look(self, snapshot: Snapshot) -> list[Lack]:
        """Look, upstreams included, and log what was not there at the last look.

        One worker of all does this, at the start and once an hour.
        """
        found = [*lacks(self._settings, self._providers, snapshot), *unreachable(self._providers.values())]
        for lack in found:
            if lack not in self._logged:
                _log.warning("%s: %s", lack.detail, lack.remedy)
        self._logged = frozenset(found)
        return found

    def said_to_all(self, snapshot: Snapshot) -> list[dict[str, str]]:
        """Each kind once, without a name, as everybody may read it; of upstreams, what calls have shown."""
        if self._known[0] is not snapshot:
            found = lacks(self._settings, self._providers, snapshot)
            self._known = snapshot, frozenset(lack.code for lack in found)
        codes = self._known[1] | ({"upstream_unreachable"} if any(map(_rests, self._providers.values())) else set())
        return [{"code": code, "message": message} for code, message in _GENERAL.items() if code in codes]


def _rests(provider: ConfiguredProvider) -> bool:
    """Whether calls met nobody at any of its places."""
    breakers = [place.breaker for place in provider.endpoints.places]
    return bool(breakers) and all(one.kind in ("connection", "timeout") for one in breakers)


def _few(ids: list[str]) -> str:
    more = f" and {len(ids) - _SHOWN_MAX} more" if len(ids) > _SHOWN_MAX else ""
    return ", ".join(ids[:_SHOWN_MAX]) + more
