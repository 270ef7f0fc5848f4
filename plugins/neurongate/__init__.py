"""NeuronGate: prefixed model IDs, errors whose code is the status, lists with prices per 1,000 tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from router import Dialect, Listed, RateLimited, RouterError, Unauthorized, hookimpl, load_offers
from router.money import format_nano

__all__ = ["plugin"]

_HERE = Path(__file__).parent
_PRICE_DECIMALS = 4
_NANO_PER_MILLION = 12  # places of a price per million tokens in nano-units, seen as one per thousand
_UNAUTHORIZED = {
    "missing": "Missing API key. Send it as 'Authorization: Bearer YOUR_KEY' or 'X-API-Key: YOUR_KEY'.",
    "unknown": "Invalid API key. Please check your key and try again.",
}
_FAILED = "The upstream model provider returned an error. Try again or use a different model."


class NeuronGate(Dialect):
    """Who serves a call is not told: neither by headers nor by the message of a provider's failure."""

    title = "NeuronGate"
    key_prefix = "sk-ng-"
    accent = "#7c3aed"
    key_length = 32
    offers = load_offers(_HERE / "offers.toml")
    preset = (_HERE / "preset.toml").read_text(encoding="utf-8")
    shows_served = False
    _types: ClassVar[Mapping[int, str]] = {
        401: "unauthorized",
        402: "insufficient_funds",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        408: "request_timeout",
        409: "conflict",
        413: "request_too_large",
        429: "rate_limit_exceeded",
        502: "upstream_error",
        503: "service_unavailable",
    }

    def error_status(self, error: RouterError) -> int:
        return 502 if error.is_outage else error.status

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        status = self.error_status(error)
        known = self._types.get(status, "bad_request" if status < 500 else "internal_error")
        return {"error": {"type": known, "message": _message(error), "code": status}}

    def model(self, listed: Listed) -> Mapping[str, Any]:
        price = listed.price
        pricing = None
        if price is not None:
            tokens = {"prompt": _per_thousand(price.input), "completion": _per_thousand(price.output)}
            pricing = {**tokens, **listed.unit_prices}
        return {**super().model(listed), "pricing": pricing, "context_length": listed.context_window}


def _message(error: RouterError) -> str:
    if isinstance(error, RateLimited) and error.retry_after_s is not None:
        return f"Rate limit exceeded. Please retry after {error.retry_after_s} seconds."
    if isinstance(error, Unauthorized):
        return _UNAUTHORIZED.get(error.reason, error.message)
    return _FAILED if error.is_outage else error.message


def _per_thousand(rate_nano: int | None) -> str:
    """A price per million tokens as one per thousand: exact, with four decimals or as many as it needs."""
    return format_nano(rate_nano or 0, _PRICE_DECIMALS, places=_NANO_PER_MILLION)


class Plugin:
    """The dialect ``neurongate``."""

    @hookimpl
    def dialect(self) -> Dialect:
        return NeuronGate()


plugin = Plugin()
