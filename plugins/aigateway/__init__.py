"""AI Gateway: a balance in manat, postpaid, and one status for all that providers can fail with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router import Dialect, Listed, RouterError, hookimpl, load_offers
from router.money import format_nano

__all__ = ["plugin"]

_HERE = Path(__file__).parent
_PRICE_DECIMALS = 4
_UNAVAILABLE = {
    "message": "All providers of this model are unavailable. Retry in a few minutes.",
    "type": "server_error",
    "param": None,
    "code": "all_providers_unavailable",
}


class AIGateway(Dialect):
    """The text shows statuses, and no bodies: errors have OpenAI's shape."""

    title = "AI Gateway"
    key_prefix = "gw_"
    accent = "#0b7285"
    shows_served = False
    offers = load_offers(_HERE / "offers.toml")
    preset = (_HERE / "preset.toml").read_text(encoding="utf-8")

    def error_status(self, error: RouterError) -> int:
        return 503 if error.is_outage else error.status

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        return {"error": _UNAVAILABLE} if error.is_outage else super().error_body(error)

    def model(self, listed: Listed) -> Mapping[str, Any]:
        """With prices per million tokens in the balance currency."""
        price = listed.price
        pricing = None
        if price is not None:
            rates = {"input": price.input, "output": price.output}
            shown = {name: format_nano(rate or 0, _PRICE_DECIMALS) for name, rate in rates.items()}
            pricing = {"currency": listed.currency, "per_tokens": 1_000_000, **shown, **listed.unit_prices}
        return {**super().model(listed), "kind": listed.card.kind, "pricing": pricing}


class Plugin:
    """The dialect ``aigateway``."""

    @hookimpl
    def dialect(self) -> Dialect:
        return AIGateway()


plugin = Plugin()
