"""A method's watcher: at each step it looks at the network whose turn it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from router_plugins.chains.look import Check, Look
from router_plugins.chains.network import Network
from router_plugins.chains.progress import Progress

from router import DepositSeen, PaymentFact, PaymentWatch, Watched

__all__ = ["accounts_of", "on_way_of", "watch_step"]

_IDLE_S = 60.0


def watch_step(
    networks: Sequence[Network],
    watch: PaymentWatch,
    account_of: Callable[[str], str],
    log: logging.Logger,
    also: Check | None = None,
) -> Watched:
    """One step: one look at one network, so that one which is slow or down holds up no other for long.

    Args:
        account_of: an address as it was given out -> 0x and 40 digits.
        also: what else must have a deposit before it is credited.
    """
    progress = {one.name: Progress.read(watch.cursor.get(one.name)) for one in networks}
    for one in networks:
        progress[one.name].wake(watch.now, one.poll_s)
    due = [one for one in networks if progress[one.name].due <= watch.now]
    facts: Sequence[PaymentFact] = ()
    if due:
        network = min(due, key=lambda one: progress[one.name].due)
        addresses = accounts_of(watch, account_of)
        on_way = on_way_of(network, watch)
        facts = Look(network, progress[network.name], addresses, on_way, watch.now, log, also).take()
    next_due = min((one.due for one in progress.values()), default=watch.now + _IDLE_S)
    delayed = [f"{one.title}: {progress[one.name].delayed}" for one in networks if progress[one.name].delayed]
    kept = {name: one.kept() for name, one in progress.items()}
    return Watched(facts, {**watch.cursor, **kept}, max(0.0, next_due - watch.now), "; ".join(delayed))


def accounts_of(watch: PaymentWatch, account_of: Callable[[str], str]) -> Mapping[str, str]:
    """The watched addresses by their 0x and 40 digits."""
    return {account_of(address): address for address in watch.addresses}


def on_way_of(network: Network, watch: PaymentWatch) -> Mapping[str, DepositSeen]:
    """A network's deposits that were seen, and are neither paid nor dropped."""
    return {
        one.reference: one
        for one in watch.seen
        if one.detail.get("network") == network.name and {"tx", "block", "block_hash"} <= one.detail.keys()
    }
