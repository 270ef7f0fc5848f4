"""A cached answer on the way that a provider's takes: through the reader and the face of its call, on any surface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, cast

from router.calls.attempt import Opened, shown_body
from router.calls.call import ActiveCall
from router.calls.recall.recalled import Recalled
from router.charging.terms import CallPricing
from router.errors import UpstreamError
from router.providers.health import Lease
from router.types.records import Item, Reply

__all__ = ["recalled_terms", "replay"]

_NO_BATCHES: Iterator[Sequence[Item]] = iter(())


class _NoPlace:
    """No endpoint was called: nothing is learnt of any."""

    def failed(self, error: UpstreamError) -> None:
        return

    def release(self) -> None:
        return


def recalled_terms(active: ActiveCall, recalled: Recalled, terms: CallPricing) -> CallPricing:
    """The terms of a call that a cache answers; it goes upstream after all where they do not allow that."""
    if recalled.fits(terms):
        return recalled.terms(terms)
    active.recalled = None
    return terms


def replay(active: ActiveCall, recalled: Recalled) -> Opened:
    """What the call's client gets of an answer that was kept.

    Raises:
        UpstreamError: it is no answer to such a call.
    """
    active.target = next(target for target in active.terms.targets if target.id == recalled.target)
    if active.translated is not None:
        active.translated.face.serves(active.target.kind)
    reply = Reply([], read_usage=lambda value: recalled.usage, read_error=_error)
    reply.ended = True
    relay = active.relay
    relay.begin(reply, active.target.kind)
    if active.stream:
        first = relay.frames(recalled.items)
        relay.check()
    else:
        first = shown_body(active, relay.body(recalled.items[0]))
    active.first_output = monotonic()
    return Opened(active, first, _NO_BATCHES, reply, cast(Lease, _NoPlace()))


def _error(value: Any) -> UpstreamError:
    return UpstreamError("malformed", "What was kept of an earlier answer is an error.")
