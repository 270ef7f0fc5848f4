"""Requests that are answered without a call."""

from __future__ import annotations

from router.calls.admission import Admission, StaleKey
from router.calls.auth import Authenticator
from router.calls.call import ActiveCall
from router.calls.request import Incoming

__all__ = ["STALE_MAX", "count_request"]

STALE_MAX = 8
"""How often a call is begun anew because its key has changed meanwhile."""


def count_request(admission: Admission, authenticator: Authenticator, active: ActiveCall, incoming: Incoming) -> None:
    """Count a repeat against the limits on requests: it costs nothing, but is a request like any other.

    Raises:
        RouterError: as ``Admission.count_request`` and ``Authenticator.key``.
    """
    key = active.key
    for _ in range(STALE_MAX):
        try:
            return admission.count_request(active.call, active.surface.name, key, incoming.peer.address)
        except StaleKey:
            authenticator.forget(key)
            key = authenticator.key(incoming.authorization, incoming.x_api_key, incoming.api_key)
    return None
