"""What ``router routes explain`` tells of strategies: the order in which each would try a model's targets, and why."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from router.charging.quote import PriceQuoter
from router.charging.strategies import ExplainedStrategy
from router.errors import RouterError
from router.office.office import Office
from router.providers.resolve import Route
from router.surfaces.chat.surface import CHAT
from router.surfaces.embeddings import EMBEDDINGS
from router.surfaces.surface import Surface
from router.types.line_hooks import CallRequest
from router.types.records import Key

__all__ = ["SAMPLE", "in_order", "strategy_rows"]

SAMPLE = "a call of about 1,000 tokens, for an answer of 500"
"""What is told is told of such a call."""
_TEXT = "word " * 800
_KINDS: Mapping[str, tuple[Surface, Mapping[str, Any]]] = {
    "chat": (CHAT, {"messages": [{"role": "user", "content": _TEXT}], "max_completion_tokens": 500}),
    "embeddings": (EMBEDDINGS, {"input": _TEXT}),
}
_NOBODY = Key("key_sample", "acct_sample")


def strategy_rows(office: Office, route: Route, kind: str, key: Key | None) -> list[dict[str, Any]]:
    """Each strategy of the route's model, in the order in which they are asked.

    Args:
        kind: of the call.
        key: whose prices hold; None for the list's.
    """
    strategies = office.strategies
    if strategies is None or len(route.targets) < 2 or not strategies.of(route.model, route.targets[0].id):
        return []
    surface, rest = _KINDS[kind]
    body = {"model": route.model, **rest}
    shown = key or _NOBODY
    quoter = PriceQuoter(office.shelf.catalogue, office.settings.billing, with_billing=office.settings.gateway.bills)
    found = surface.look(body)
    try:
        terms = quoter.terms(quoter.plan(surface, shown, route), body, found, time.time())
    except RouterError as unsold:
        names = strategies.of(route.model, route.targets[0].id)
        return [_row(ExplainedStrategy(name, (), f"such a call is refused: {unsold.message}")) for name in names]
    call = CallRequest("req_sample", surface.name, shown.account, shown.id, route.model, body)
    return [_row(one) for one in strategies.explained(terms, found, call)]


def in_order(route: Route, rows: list[dict[str, Any]]) -> list[str]:
    """The IDs of the route's targets as they would be tried."""
    last: list[Any] = next((row["order"] for row in reversed(rows) if not row["problem"]), [])
    found = [one["id"] for one in last]
    return found + [target.id for target in route.targets if target.id not in found]


def _row(one: ExplainedStrategy) -> dict[str, Any]:
    order = [{"id": target.id, "reason": target.reason} for target in one.reasons]
    return {"strategy": one.name, "problem": one.problem, "order": order}
