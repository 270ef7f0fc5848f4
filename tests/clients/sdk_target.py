"""What an SDK is pointed at."""

from __future__ import annotations

from dataclasses import dataclass

from router.testing import ScriptedUpstream

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """A server for an SDK; ``upstream`` is where the scripts go, be it that server itself or the one behind it.

    Attributes:
        base_url, api_key: for the SDK.
        prefix: what a model ID begins with there; empty for the upstream itself.
    """

    upstream: ScriptedUpstream
    base_url: str
    api_key: str
    prefix: str

    @property
    def is_gateway(self) -> bool:
        return bool(self.prefix)
