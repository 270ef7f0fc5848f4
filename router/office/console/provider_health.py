"""How providers do, and who serves which model, by the newest calls in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.metering.provider_health import SAMPLE, ProviderHealth, RouteShare, health_of, read_sample, shares_of
from router.office.office import Office
from router.store.provider_keys import StoredKeyRow, list_provider_keys
from router.store.sealing import MASTER_KEY

__all__ = [
    "SAMPLE",
    "ProviderHealth",
    "RouteShare",
    "Routing",
    "StoredKeyRow",
    "provider_health",
    "routing",
    "sealed_keys",
]


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


def sealed_keys(office: Office, provider: str) -> list[StoredKeyRow]:
    """A provider's stored keys, each with its last four characters where the master key is at hand."""
    return list_provider_keys(office.database, provider, office.settings.secret(f"env:{MASTER_KEY}"))
