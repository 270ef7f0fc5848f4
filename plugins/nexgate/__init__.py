"""NexGate: chat alone, direct model IDs, prepaid, and a catalogue for everybody in a shape of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from router import Dialect, Listed, Offer, hookimpl, load_offers
from router.money import format_nano

__all__ = ["plugin"]

_HERE = Path(__file__).parent
_PRICE_DECIMALS = 4
_PLAIN = Offer("", (), category="standard")  # for what an operator added himself


class NexGate(Dialect):
    """The texts show no errors: they are OpenAI's. There are no embeddings yet: their path is a 404."""

    title = "NexGate"
    key_prefix = "ng-"
    accent = "#3b5bdb"
    session_api = True
    shows_served = False
    chat_paths = ("/v1/chat/completions", "/api/v1/chat/completions")
    embeddings_paths = ()
    catalogue_paths = ("/models", "/api/models")
    catalogue_headers: Mapping[str, str] = {"Cache-Control": "public, s-maxage=60, stale-while-revalidate=300"}
    catalogue_for_pages = True
    fallback_headers: Mapping[str, str] = {"x-nexgate-model-source": "fallback"}
    health_paths = ("/api/health",)
    estimator_paths = ("/api/estimator",)
    offers = load_offers(_HERE / "offers.toml")
    free_credit = "5"
    preset = (_HERE / "preset.toml").read_text(encoding="utf-8")

    def catalogue(self, listed: Iterable[Listed]) -> list[dict[str, Any]]:
        """A bare list of the chat models."""
        return [_entry(one) for one in listed if one.card.kind != "embeddings"]


def _entry(listed: Listed) -> dict[str, Any]:
    """``NexGateModel`` of the API reference."""
    offer, price = listed.offer or _PLAIN, listed.price
    return {
        "model_id": listed.id,
        "display_name": offer.display_name or listed.id,
        "provider": listed.owned_by,
        "category": offer.category,
        "context_window": listed.context_window or 0,
        "sell_input_per_million": _decimal(price.input if price is not None else 0),
        "sell_output_per_million": _decimal(price.output if price is not None else 0),
        "use_case_hint": offer.hint,
        "speed_badge": offer.badge,
    }


def _decimal(rate_nano: int | None) -> str:
    return format_nano(rate_nano or 0, _PRICE_DECIMALS)


class Plugin:
    """The dialect ``nexgate``."""

    @hookimpl
    def dialect(self) -> Dialect:
        return NexGate()


plugin = Plugin()
