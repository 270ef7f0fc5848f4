"""One tiny real call to a provider, through its plugin as the gateway makes it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from router.config.provider import Timeouts
from router.errors import BadRequest, ConfigError, RouterError, UpstreamError
from router.providers.configured import ConfiguredProvider
from router.providers.health import EndpointHealth
from router.types.records import CallContext, ChatCall, EmbeddingsCall, ModelCard

__all__ = ["REMEDIES", "probe"]

REMEDIES: Mapping[str, str] = {
    "connection": 'check base_url and the network; behind an HTTP proxy set transport = "requests"',
    "timeout": "try again; if it stays slow, raise timeouts in its section",
    "server": "the provider has a fault: try again later, or look at its status page",
    "overloaded": "the provider is overloaded: try again later",
    "malformed": "what answers at base_url is not this provider's API: check base_url",
    "rate_limit": "the provider's rate limit is reached: wait, or ask it for a higher one",
    "auth": "the provider refuses the key: set a valid one",
    "billing": "the account at the provider is exhausted: top it up there",
    "bad_request": "the provider refuses the call: try another model (--model)",
    "not_found": "no such model, or base_url lacks a part such as /v1: try another model (--model), check base_url",
    "context_length": "try another model (--model)",
    "content": "the provider's content filter struck: try another model (--model)",
}
"""Kind of failure -> what an operator can do."""


def probe(provider: ConfiguredProvider, model: str | None, *, within_s: float | None = None) -> list[dict[str, Any]]:
    """Call each of the provider's endpoints once.

    Args:
        provider: one that is active.
        model: the upstream's name; None takes the cheapest of its list.
        within_s: how long each of its waits may take at most; None leaves that to its section.

    Returns:
        for each endpoint: provider, endpoint, model, ok, status (the upstream's, None where no answer came),
        latency_ms, kind (``ok`` or of ``router.errors.KINDS``), and on a failure message and remedy.

    Raises:
        ConfigError: the provider is not set up.
        BadRequest: no model is known; or the plugin refused the call.
    """
    if not provider.active:
        raise ConfigError(f"provider {provider.name!r} is not set up: {provider.problem}")
    card = _card(provider, model)
    return [_probe(provider, place, card, within_s) for place in provider.endpoints.places]


def _probe(
    provider: ConfiguredProvider, place: EndpointHealth, card: ModelCard, within_s: float | None
) -> dict[str, Any]:
    started = time.monotonic()
    status: int | None = 200
    kind, message = "ok", None
    context = replace(provider.context(card.model), settings=place.settings)
    if within_s is not None:
        context = replace(context, timeouts=_at_most(context.timeouts, within_s))
    try:
        _call(provider, context, card)
    except UpstreamError as error:
        status, kind, message = error.upstream_status, error.kind, error.in_full
    return {
        "provider": provider.name,
        "endpoint": place.name,
        "model": card.model,
        "ok": kind == "ok",
        "status": status,
        "latency_ms": round((time.monotonic() - started) * 1000),
        "kind": kind,
        "message": message,
        "remedy": REMEDIES.get(kind),
    }


def _at_most(timeouts: Timeouts, seconds: float) -> Timeouts:
    waits = {one.name: getattr(timeouts, one.name) for one in fields(timeouts)}
    return Timeouts(**{name: seconds if wait is None else min(wait, seconds) for name, wait in waits.items()})


def _card(provider: ConfiguredProvider, model: str | None) -> ModelCard:
    cards = provider.cards()
    if model is not None:
        known = next((card for card in cards if card.model == model), None)
        return known or ModelCard(model, kind="chat" if "chat" in provider.hooks else "embeddings")
    cards += [ModelCard(name) for name in provider.settings.models]
    if not cards:
        raise BadRequest(f"provider {provider.name!r} has no list of models: name one (--model)")
    return min(cards, key=_expense)


def _expense(card: ModelCard) -> tuple[bool, bool, float]:
    """Chat before embeddings, plain before reasoning models, then by price; an unknown price is the highest."""
    output = card.price.output if card.price is not None else None
    return card.kind != "chat", card.reasoning, float("inf") if output is None else output


def _call(provider: ConfiguredProvider, context: CallContext, card: ModelCard) -> None:
    """Send the call and read its answer. Raises ``UpstreamError``, and ``RouterError`` of the plugin's own."""
    if card.kind not in ("", "chat", "embeddings"):
        raise BadRequest(f"a model for {card.kind} is not probed: name one for chat or embeddings (--model)")
    if card.kind == "embeddings":
        body: dict[str, Any] = {"model": card.model, "input": "ok"}
        reply = provider.hooks["embeddings"](call=EmbeddingsCall("req_probe", card.model, body), context=context)
    else:
        messages = [{"role": "user", "content": "Answer with the word ok."}]
        body = {"model": card.model, "messages": messages, "max_tokens": 16}
        reply = provider.hooks["chat"](call=ChatCall("req_probe", card.model, body), context=context)
    try:
        for batch in reply:
            for item in batch:
                _check(json.loads(item.data), reply.read_error)
    except ValueError as error:
        raise UpstreamError("malformed", f"{provider.name} did not answer with JSON") from error
    finally:
        reply.close()


def _check(value: Any, read_error: Any) -> None:
    if isinstance(value, dict) and value.get("error"):
        error: RouterError = read_error(value)
        raise error
