"""How providers do, and who serves which model, by the newest calls in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.metering.provider_health import SAMPLE, ProviderHealth, RouteShare, health_of, read_sample, shares_of
from router.office.audit import list_audit
from router.office.office import Office
from router.store.provider_keys import stored_since

__all__ = [
    "SAMPLE",
    "ProviderHealth",
    "RouteShare",
    "Routing",
    "SealedKey",
    "provider_health",
    "routing",
    "sealed_keys",
]

_LOOKED = 200


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A provider's stored key, which is not opened to be shown.

    Attributes:
        endpoint: number of the provider's endpoint, from 1; 0 for the provider itself.
        created_at: Unix seconds at which it was stored.
        hint: its last four characters, as noted then; empty for a short one, and for one of an earlier version.
    """

    endpoint: int
    created_at: float
    hint: str


@dataclass(frozen=True, slots=True)
class Routing:
    """Who served what.

    Attributes:
        shares: by model, the most called first.
        calls: how many were looked at.
        whole: whether those are all of the time that was asked for.
    """

    shares: Sequence[RouteShare]
    calls: int
    whole: bool


def provider_health(office: Office, since_s: float) -> tuple[Mapping[str, ProviderHealth], bool]:
    """Provider -> what its upstream calls came to in the last seconds; and whether all of them were looked at."""
    sample = read_sample(office.database, office.clock() - since_s)
    return health_of(sample), len(sample) < SAMPLE


def routing(office: Office, since_s: float) -> Routing:
    """Who served the calls of the last seconds."""
    sample = read_sample(office.database, office.clock() - since_s)
    return Routing(shares_of(sample), len(sample), len(sample) < SAMPLE)


def sealed_keys(office: Office, provider: str) -> list[SealedKey]:
    """A provider's stored keys, by endpoint."""
    hints: dict[int, str] = {}
    for entry in list_audit(office, action="providers set-key", subject=provider, limit=_LOOKED):  # the newest first
        hints.setdefault(int(entry.detail.get("endpoint", 0)), str(entry.detail.get("hint", "")))
    since = stored_since(office.database, provider)
    return [SealedKey(endpoint, at, hints.get(endpoint, "")) for endpoint, at in since.items()]
