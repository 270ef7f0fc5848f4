"""Which plugins may answer a call from what they kept, in the order in which they are asked, and at what price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from router.config.line import CacheSettings
from router.plugin_host.registry import Registry

__all__ = ["CachePlace", "cache_places"]


@dataclass(frozen=True, slots=True)
class CachePlace:
    """One cache, as calls meet it. One that fails is passed over.

    Attributes:
        name: the plugin's.
        calls: which calls it is asked about, in words.
        price_share: what its answer is charged, as a share of one that is made anew: decimal text.
    """

    name: str
    calls: str
    price_share: str


def cache_places(registry: Registry, names: Sequence[str], settings: CacheSettings) -> Iterator[CachePlace]:
    """The caches of a process.

    Args:
        names: of the plugins, in order.
    """
    plain = [name for name in names if registry.hook(name, "cache_get") is not None]
    for name in plain:
        yield CachePlace(name, "plain answers", "0")
    calls = "chat and embeddings, streams alone" if plain else "chat and embeddings"
    for name in names:
        if registry.hook(name, "answer_get") is not None:
            yield CachePlace(name, calls, settings.price_share)
