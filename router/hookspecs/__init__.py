"""Every hook, one class per role. A plugin implements those it needs, each marked with ``router.hookimpl``.

An implementation may take fewer arguments than its spec names (so a new argument breaks nobody), but no default values,
and it may not be a wrapper. The host calls a hook of one named plugin (*addressed*), or of all that have it
(*broadcast*), each call guarded, so that a failing observer is logged and the others still run.
"""

from __future__ import annotations

from router.hookspecs.payment import PaymentSpecs
from router.hookspecs.policy import BillingSpecs, RateLimitSpecs
from router.hookspecs.provider import ProviderSpecs
from router.hookspecs.serving import (
    CommonSpecs,
    DialectSpecs,
    GuardSpecs,
    LifecycleSpecs,
    LineSpecs,
    ObserverSpecs,
    SiteSpecs,
    StorageSpecs,
)
from router.hookspecs.surface import SurfaceSpecs

__all__ = ["HOOKS_VERSION", "ROLES"]

HOOKS_VERSION = "0.3"
"""The newest ``Since:`` of a hook. A plugin that needs it says so: ``requires_hooks = "0.3"`` there."""

ROLES: dict[str, type] = {
    "common": CommonSpecs,
    "provider": ProviderSpecs,
    "billing": BillingSpecs,
    "rate_limit": RateLimitSpecs,
    "dialect": DialectSpecs,
    "surface": SurfaceSpecs,
    "storage": StorageSpecs,
    "lifecycle": LifecycleSpecs,
    "observer": ObserverSpecs,
    "site": SiteSpecs,
    "guard": GuardSpecs,
    "line": LineSpecs,
    "payment": PaymentSpecs,
}
"""Role name -> its hooks."""
