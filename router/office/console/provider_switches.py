"""Providers that are turned off for a while, without a change of the configuration."""

from __future__ import annotations

from router.db.transaction import Transaction
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office, provider_of
from router.store.console.provider_switches import ProviderOff, list_off, turn_provider

__all__ = ["ProviderOff", "disable_provider", "enable_provider", "providers_off"]


def providers_off(office: Office) -> list[ProviderOff]:
    """Those that are turned off, by name."""
    return list_off(office.database)


def disable_provider(office: Office, actor: Actor, name: str) -> ProviderOff:
    """Send a provider no call from now on, in every worker within a second; its running calls end by themselves.

    A model that it serves goes to its fallbacks; one without is refused with 503, and on no list.

    Raises:
        NotFound: there is no such provider; names the nearest.
    """
    return _turn(office, actor, name, off=True)


def enable_provider(office: Office, actor: Actor, name: str) -> ProviderOff:
    """Call a provider again. Raises as ``disable_provider``; harmless where it is not turned off."""
    return _turn(office, actor, name, off=False)


def _turn(office: Office, actor: Actor, name: str, *, off: bool) -> ProviderOff:
    if not any(one.provider == name for one in providers_off(office)):  # one that is gone can still be turned on
        provider_of(office.providers, name)

    def turn(transaction: Transaction) -> Change[ProviderOff]:
        before = {one.provider: one for one in list_off(transaction)}.get(name)
        now = ProviderOff(name, actor.reason, office.clock())
        made = off is not (before is not None)
        if made:
            turn_provider(transaction, name, off=off, reason=actor.reason, now=now.changed_at)
        kept = before if before is not None and not made else now
        return Change(kept, name, {}, made=made)

    return write(office, actor, "providers disable" if off else "providers enable", turn)
