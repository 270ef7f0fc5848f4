"""A dialect: what the gateway's own wire looks like to its clients. The base class speaks OpenAI's.

A dialect plugin returns an instance of ``Dialect`` or of a subclass from its ``dialect`` hook. Everything that does not
differ between dialects lives in the host.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from router.errors import RouterError
from router.money.amounts import format_nano
from router.types.key_views import CreditsView, GenerationView, KeyView
from router.types.offers import Estimate, Listed, Offer

__all__ = ["OUTAGE", "Dialect"]

OUTAGE = "No provider of this model could answer. Try again later, or use another model."
"""What a profile that does not show who serves says of a provider's failure."""


class Dialect:
    """OpenAI's shapes; override what differs.

    Attributes:
        title: how pages and mails call the gateway, unless ``[portal] name`` says otherwise.
        key_prefix: what new keys begin with, unless ``[gateway] key_prefix`` says otherwise.
        key_length: random letters and digits behind it; 32 hold 190 bits.
        chat_paths: paths that serve chat completions.
        embeddings_paths: paths that serve embeddings.
        models_paths: paths that list models; ``<path>/<id>`` shows one.
        generation_paths: paths that show one call's record, ``?id=``, to keys of its account.
        credits_paths: paths that show a key what its account has; with none, DeepSeek's and one-api's are off, too.
        key_paths: paths that show a key its own limits and usage.
        catalogue_paths: paths that show ``catalogue`` to everybody, without a key.
        catalogue_headers: sent with it.
        catalogue_for_pages: whether web pages of all origins may read it, whatever ``[server] cors_origins`` says.
        fallback_headers: sent besides when the database did not answer, and ``offers`` alone are shown.
        health_paths: paths that answer as ``/healthz`` does.
        estimator_paths: paths of the price estimator, for everybody.
        offers: the profile's own catalogue.
        free_credit: what a verified sign-up is given once, unless ``[portal] free_credit`` says otherwise: decimal text
            in the balance currency; empty for none.
        session_api: whether its portal has the account API below ``/api``, for whoever is logged in.
        accent: the colour of its links and charts, ``#rrggbb``; empty for the portal's own.
        preset: the configuration that ``router init --profile`` writes, TOML with comments; empty for the host's own.
        shows_served: whether ``x-router-provider``, ``x-router-model`` and ``x-router-attempts`` are sent, and messages
            name a provider that failed.
    """

    title: str = "LLM gateway"
    key_prefix: str = "sk-"
    key_length: int = 43
    chat_paths: tuple[str, ...] = ("/v1/chat/completions",)
    embeddings_paths: tuple[str, ...] = ("/v1/embeddings",)
    models_paths: tuple[str, ...] = ("/v1/models",)
    generation_paths: tuple[str, ...] = ("/v1/generation",)
    credits_paths: tuple[str, ...] = ("/v1/credits",)
    key_paths: tuple[str, ...] = ("/v1/key", "/v1/auth/key")
    catalogue_paths: tuple[str, ...] = ()
    catalogue_headers: Mapping[str, str] = {}
    catalogue_for_pages: bool = False
    fallback_headers: Mapping[str, str] = {}
    health_paths: tuple[str, ...] = ()
    estimator_paths: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    free_credit: str = ""
    accent: str = ""
    session_api: bool = False
    preset: str = ""
    shows_served: bool = True

    def error_status(self, error: RouterError) -> int:
        """HTTP status for an error."""
        return error.status

    def said(self, error: RouterError) -> str:
        """What a client reads of an error. A profile that does not show who serves names no provider that failed."""
        return error.message if self.shows_served or not error.is_outage else OUTAGE

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        """The JSON body for an error, also the payload of an error event in a stream."""
        return {
            "error": {"message": self.said(error), "type": error.type, "param": error.param, "code": error.code},
        }

    def model(self, listed: Listed) -> Mapping[str, Any]:
        """One model as ``GET /v1/models/<id>`` shows it."""
        return {"id": listed.id, "object": "model", "created": listed.created, "owned_by": listed.owned_by}

    def models(self, listed: Iterable[Listed]) -> Any:
        """The answer of ``GET /v1/models``: of those models that can be served and that the key may use."""
        return {"object": "list", "data": [self.model(one) for one in listed]}

    def catalogue(self, listed: Iterable[Listed]) -> Any:
        """The answer of ``catalogue_paths``: of all models that are enabled."""
        return self.models(listed)

    def estimate(self, estimate: Estimate) -> Mapping[str, Any]:
        """The answer of ``estimator_paths``; amounts as decimal text."""
        return {
            "model": estimate.model,
            "currency": estimate.currency,
            "prompt_tokens": estimate.prompt_tokens,
            "completion_tokens": estimate.completion_tokens,
            "counted_by": estimate.counted_by,
            "input_cost": format_nano(estimate.input_nano),
            "output_cost": format_nano(estimate.output_nano),
            "units_cost": format_nano(estimate.units_nano),
            "total_cost": format_nano(estimate.total_nano),
            "hold": format_nano(estimate.hold_nano),
        }

    def generation(self, view: GenerationView) -> Mapping[str, Any]:
        """The answer of ``generation_paths``; a ``Decimal`` becomes an exact number."""
        return {"data": _generation(view, shows_served=self.shows_served)}

    def credits(self, view: CreditsView) -> Mapping[str, Any]:
        """The answer of ``credits_paths``; as for ``generation``."""
        amounts = {
            "total_credits": view.credits_nano,
            "total_usage": view.used_nano,
            "balance": view.balance_nano,
            "held": view.held_nano,
        }
        return {"data": {**_amounts(amounts), "currency": view.currency}}

    def key_status(self, view: KeyView) -> Mapping[str, Any]:
        """The answer of ``key_paths``; as for ``generation``."""
        return {"data": _key_status(view)}

    def frames(self, chunks: Sequence[bytes]) -> bytes:
        """The stream events around the JSON texts of some chunks, at least one, joined: they become one write."""
        return b"data: " + b"\n\ndata: ".join(chunks) + b"\n\n"

    def error_frame(self, error: RouterError) -> bytes:
        """The event that ends a stream which failed after its first output.

        It has a top-level ``error`` whatever the dialect's bodies look like: without one, clients of OpenAI's take the
        stream for a whole answer.
        """
        body = self.error_body(error)
        if not body.get("error"):
            body = {**body, **Dialect.error_body(self, error)}
        return self.frames([json.dumps(body).encode("ascii")])

    def end_frame(self) -> bytes:
        """The event that ends a complete stream."""
        return b"data: [DONE]\n\n"

    def heartbeat(self) -> bytes:
        """What keeps proxies awake while the upstream is silent: a comment, ended by one newline."""
        return b": keep-alive\n"


def _amounts(amounts: Mapping[str, int | None]) -> dict[str, Any]:
    """Each amount as a number, for those who reckon with it, and as text, which nobody's floats have touched."""
    found: dict[str, Any] = {name: _exact(nano) for name, nano in amounts.items()}
    texts = {f"{name}_text": None if nano is None else format_nano(nano) for name, nano in amounts.items()}
    return found | texts


def _exact(amount_nano: int | None) -> Decimal | None:
    return None if amount_nano is None else Decimal(format_nano(amount_nano))


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _generation(view: GenerationView, *, shows_served: bool) -> dict[str, Any]:
    record = view.record
    first = record.first_token_ms
    shown: dict[str, Any] = {
        "id": record.request_id,
        "request_id": record.request_id,
        "model": record.model,
        "created_at": _moment(record.created_at),
        "api_type": record.route,
        "streamed": record.streamed,
        "cancelled": record.ending == "disconnect",
        "status": record.status,
        "error_code": record.error_code or None,
        **_amounts({"total_cost": record.charge_nano, "usage": record.charge_nano}),
        "is_byok": False,
        "currency": view.currency,
        "tokens_prompt": record.prompt_tokens,
        "tokens_completion": record.completion_tokens,
        "native_tokens_prompt": record.prompt_tokens,
        "native_tokens_completion": record.completion_tokens,
        "native_tokens_reasoning": record.reasoning_tokens,
        "native_tokens_cached": record.cached_tokens,
        "estimated": record.estimated,
        "units": record.units.counts() if record.units else {},
        "latency": record.latency_ms,
        "first_token_latency": first,
        "generation_time": record.latency_ms - (first or 0),
        "provider_name": record.provider if shows_served else None,
    }
    if shows_served:
        shown["upstream_id"] = record.answer_id or None
        shown["provider_responses"] = [
            {"provider_name": one.provider, "model": one.model, "status": one.status, "kind": one.kind}
            | {"latency": one.latency_ms}
            for one in record.attempts
        ]
    return shown


_RESETS = {"day": "daily", "week": "weekly", "month": "monthly"}


def _key_status(view: KeyView) -> dict[str, Any]:
    key, limits = view.key, view.key.limits
    budget = key.budget
    amounts = {
        "limit": None if budget is None else budget.amount_nano,
        "limit_remaining": view.remaining_nano,
        "usage": view.used_nano.get("total", 0),
        **{f"usage_{name}": view.used_nano.get(period, 0) for period, name in _RESETS.items()},
        "account_balance": view.balance_nano,
    }
    return {
        "label": key.name,
        "id": key.id,
        "hash": view.hash,
        "kind": key.kind,
        "status": key.status,
        **_amounts(amounts),
        "limit_reset": None if budget is None else _RESETS.get(budget.period),
        "currency": view.currency,
        "is_free_tier": False,
        "is_management_key": not key.calls_models,
        "is_provisioning_key": not key.calls_models,
        "expires_at": _moment(key.expires_at),
        "models": list(key.scope) or None,
        "scope": list(key.scope),
        "rate_limit": {"requests": limits.requests_per_minute or -1, "interval": "1m"},
        "limits": {
            "requests_per_minute": limits.requests_per_minute,
            "tokens_per_minute": limits.tokens_per_minute,
            "concurrent": limits.concurrent,
            "spend_per_day": _exact(limits.spend_per_day),
            "spend_per_month": _exact(limits.spend_per_month),
        },
    }
