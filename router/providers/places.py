"""Where providers' calls go, without anything secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from router.providers.configured import ConfiguredProvider

__all__ = ["default_url", "upstream_urls"]


def default_url(hooks: Mapping[str, Any]) -> str:
    """The base URL that a plugin uses where none is set; empty where only the plugin knows."""
    return str(getattr(getattr(hooks.get("chat"), "__self__", None), "default_base_url", ""))


def upstream_urls(provider: ConfiguredProvider) -> list[str]:
    """Where the provider's calls go, one for each endpoint, without anything secret; empty if that is not known."""
    default = default_url(provider.hooks)
    urls = [urlsplit(place.settings.base_url or default) for place in provider.endpoints.places]
    return [f"{url.scheme}://{url.netloc}{url.path}" for url in urls if url.netloc]
