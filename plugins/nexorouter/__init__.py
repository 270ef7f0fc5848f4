"""NexoRouter: OpenAI's shapes, but every error has one type, and an empty balance is a 403 that names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router import BudgetExceeded, Dialect, InsufficientQuota, ModelNotFound, RouterError, hookimpl, load_offers
from router.money import format_nano

__all__ = ["plugin"]

_HERE = Path(__file__).parent
_TYPE = "invalid_request_error"
_MALFORMED = (400, 422)
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


class NexoRouter(Dialect):
    """Errors of the documented table; those that it does not list keep OpenAI's status, and the code of their cause."""

    title = "NexoRouter"
    key_prefix = "nx-"
    accent = "#0f766e"
    shows_served = False
    offers = load_offers(_HERE / "offers.toml")
    preset = (_HERE / "preset.toml").read_text(encoding="utf-8")

    def error_status(self, error: RouterError) -> int:
        if isinstance(error, InsufficientQuota):
            return 403
        if error.is_outage:
            return max(error.status, 502)  # a provider's 429 is not a limit of this key
        return error.status

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        return {"error": {"message": self.said(error), "type": _TYPE, "code": self._code(error)}}

    def said(self, error: RouterError) -> str:
        return _of_money(error) if isinstance(error, InsufficientQuota) else super().said(error)

    def _code(self, error: RouterError) -> str | None:
        if isinstance(error, InsufficientQuota):
            return "insufficient_quota"
        if isinstance(error, ModelNotFound):
            return "model_not_found"
        status = self.error_status(error)
        if status in _MALFORMED:
            return _TYPE
        return "gateway_error" if status >= 500 else error.code


def _of_money(error: InsufficientQuota) -> str:
    what = "key budget. Remaining budget" if isinstance(error, BudgetExceeded) else "prepaid balance. Current balance"
    message = f"Insufficient {what}: {_amount(error.available_nano, error.currency)}."
    if not error.available_nano:
        return message
    return f"{message} This call may cost up to {_amount(error.needed_nano, error.currency)}: lower max_tokens."


def _amount(amount_nano: int, currency: str) -> str:
    """Six decimals at least: ``$0.000000``."""
    text = format_nano(amount_nano, 6)
    return f"{_SIGNS[currency]}{text}" if currency in _SIGNS else f"{text} {currency}".rstrip()


class Plugin:
    """The dialect ``nexorouter``."""

    @hookimpl
    def dialect(self) -> Dialect:
        return NexoRouter()


plugin = Plugin()
