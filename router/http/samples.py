"""Examples of errors, models and estimates: a dialect renders them, and its shapes are read off the result."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import (
    KINDS,
    BadRequest,
    BudgetExceeded,
    Conflict,
    Forbidden,
    InsufficientQuota,
    ModelNotFound,
    ModelNotPriced,
    NotFound,
    RateLimited,
    RequestTimeout,
    RouterError,
    StoreError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from router.money.prices import Price
from router.surfaces.coding import UnsupportedCoding
from router.types.dialect import Dialect
from router.types.key_views import CreditsView, GenerationView, KeyView
from router.types.keys import Budget, Key, Limits
from router.types.offers import Estimate, Listed
from router.types.records import Attempt, CallRecord, ModelCard

__all__ = [
    "body_errors",
    "call_errors",
    "credits",
    "estimate",
    "estimator_errors",
    "generations",
    "key_errors",
    "key_statuses",
    "keyed_errors",
    "model_id",
    "models",
    "open_errors",
    "plugin_errors",
]

_MODEL = "openai/gpt-4o"
_MODELS = {
    "chat": _MODEL,
    "completions": "openai/gpt-3.5-turbo-instruct",
    "embeddings": "openai/text-embedding-3-small",
    "images": "openai/gpt-image-1",
    "moderations": "openai/omni-moderation-latest",
    "rerank": "acme/rerank-v1",
    "speech": "openai/tts-1",
    "transcriptions": "openai/whisper-1",
}


def open_errors() -> list[RouterError]:
    """What any route may answer."""
    return [
        BadRequest("The request is malformed: its Host header is not the name of a host."),
        RouterError("The gateway failed on this request; its log says why, under the request ID."),
    ]


def keyed_errors() -> list[RouterError]:
    """What any route may answer that asks for a key."""
    return [
        *open_errors(),
        BadRequest("The Authorization and X-API-Key headers hold different keys.", code="ambiguous_api_key"),
        Unauthorized("Incorrect API key provided."),
        Forbidden(f"This API key may not use the model '{_MODEL}'.", code="model_not_allowed", param="model"),
        ModelNotFound(f"The model '{_MODEL}' does not exist.", param="model"),
        Unavailable("The provider 'openai' has no API key.", code="provider_not_configured"),
        StoreError("The database does not answer; calls are refused until it does.", headers={"Retry-After": "5"}),
    ]


def body_errors() -> list[RouterError]:
    """What any route may answer that reads a body."""
    return [
        BadRequest("'temperature' must be a number from 0 to 2, not 3.", code="invalid_value", param="temperature"),
        BadRequest("The request body is not valid JSON: it is empty.", code="invalid_json"),
        RequestTimeout("The client took too long to send its request."),
        TooLarge("The request body is larger than this gateway takes."),
        UnsupportedCoding("Content-Encoding 'zstd' is not supported.", headers={"Accept-Encoding": "gzip"}),
        ModelNotFound(f"The model '{_MODEL}' does not exist.", param="model"),
        ModelNotPriced(f"The model '{_MODEL}' has no price.", param="model"),
    ]


def plugin_errors(access: str) -> list[RouterError]:
    """What the host may answer at a plugin's route.

    Args:
        access: who may ask.
    """
    found = [*open_errors(), *body_errors()]
    found += [Unavailable("The plugin 'acme' did not answer in time.", code="plugin_timeout")]
    if access == "operator":
        message = "This path is the operator's: send 'Authorization: Bearer OPERATOR_SECRET'."
        found.append(Unauthorized(message, code="operator_only"))
    elif access == "session":
        found.append(Unauthorized("Sign in first.", code="no_session"))
        found.append(NotFound("This page needs a portal, and no portal is configured.", code="no_portal"))
    return [*found, *(keyed_errors() if access == "key" else ())]


def estimator_errors() -> list[RouterError]:
    """What the price estimator may answer."""
    return [*open_errors(), *body_errors(), StoreError("The database does not answer."), Unavailable("Not just now.")]


def call_errors() -> list[RouterError]:
    """What a call may be answered."""
    upstream: list[RouterError] = [UpstreamError(kind, f"The provider failed ({kind}).") for kind in KINDS]
    passed_on = [
        UpstreamError("bad_request", "The provider refused this.", status=status) for status in (413, 415, 422)
    ]
    return [
        *keyed_errors(),
        *body_errors(),
        InsufficientQuota("The balance does not cover this call.", needed_nano=1, currency="USD"),
        BudgetExceeded("The budget of this API key does not cover this call.", needed_nano=1, currency="USD"),
        Conflict("The first call with this Idempotency-Key is still under way.", code="idempotency_in_progress"),
        RateLimited("A limit of this API key is reached.", retry_after_s=2),
        *upstream,
        *passed_on,
    ]


def model_id(dialect: Dialect, kind: str) -> str:
    """A model of that kind, the profile's own if it has any."""
    return next((offer.id for offer in dialect.offers if offer.kind == kind), _MODELS.get(kind, _MODEL))


def models(dialect: Dialect, currency: str) -> Sequence[Listed]:
    """The profile's own models as a list shows them, and one that is not among them."""
    card = ModelCard("gpt-4o", owned_by="openai", created=1_713_000_000, context_window=128_000)
    price = Price.per_million(input="2.50", output="10.00")
    offered = [Listed(one.id, card, one.price or price, one, currency=currency) for one in dialect.offers]
    return [*offered, Listed(_MODEL, card, price, currency=currency), Listed("echo/echo", ModelCard("echo"))]


def estimate(currency: str) -> Estimate:
    """What a call of 1,000 tokens in and 500 out comes to."""
    return Estimate(_MODEL, currency, 1000, 500, "given", 2_500_000, 5_000_000, 7_500_000, 7_500_000)


def key_errors() -> list[RouterError]:
    """What the routes may answer where a key asks of itself."""
    return [
        *keyed_errors(),
        BadRequest("Which call? Add ?id= and the x-request-id of its answer.", code="missing_id", param="id"),
        NotFound("There is no finished call with this ID.", code="generation_not_found", param="id"),
    ]


def generations(currency: str) -> list[GenerationView]:
    """A call that a provider served, and one that none could."""
    attempt = Attempt("openai", "gpt-4o", "ok", 200, 850)
    usage = (1000, 500, 200, 0, False, 900, 300)
    served = ("chat", "acct_1", "key_1", _MODEL, "openai", "gpt-4o", 200, "ok", "", True)
    refused = ("chat", "acct_1", "key_1", _MODEL, "", "", 503, "error", "upstream_server", False)
    good = CallRecord("req_1", 1_764_500_000.5, *served, *usage, (attempt,), charge_nano=7_500_001)
    bad = CallRecord("req_2", 1_764_500_000.5, *refused, 0, 0, 0, 0, False, 900, None)
    return [GenerationView(good, currency), GenerationView(bad, currency)]


def credits(currency: str) -> CreditsView:
    """An account that has something."""
    return CreditsView(100_500_000_000, 25_750_000_001, 500_000_000, currency)


def key_statuses(currency: str) -> list[KeyView]:
    """A key with every limit, and one without any."""
    limits = Limits(60, 100_000, 4, 100_500_000_000, 1_000_500_000_000)
    used = {"day": 1_500_000_000, "week": 2_500_000_000, "month": 3_500_000_000, "total": 4_500_000_000}
    budget = Budget(10_500_000_000, "month")
    full = Key("key_1", "acct_1", "laptop", expires_at=1_800_000_000.0, scope=(_MODEL,), budget=budget, limits=limits)
    told = KeyView(full, currency, used, 7_000_000_001, "0" * 64, 7_500_000_001)
    return [told, KeyView(Key("key_2", "acct_1"), currency, used)]
