"""What an account's own scripts are shown, as JSON: numbers that are exact, and beside each its text.

No row says what a call cost us, who served it, or what it is called there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from router.metering.usage_hours import UsageSum
from router.money.amounts import format_nano
from router.office.customers.own import DAY_S, KeyStanding
from router.office.forms.own import RESETS
from router.office.limits import MONEY
from router.office.usage import NamedCall
from router.store.keys import KeyRow
from router.types.keys import Limits
from router.types.periods import PERIODS, iso_time

__all__ = ["activity_row", "key_row", "log_row"]

_RESET_NAMES = {period: name for name, period in RESETS.items()}
_HOUR_S = 3600
_OK = ("ok", "disconnect")


def key_row(standing: KeyStanding, prefix: str, currency: str) -> dict[str, Any]:
    """A key in OpenRouter's shape.

    Args:
        prefix: what keys begin with.
    """
    row, used = standing.row, standing.used_nano
    amounts = {
        "limit": row.budget_nano,
        "limit_remaining": standing.remaining_nano,
        "usage": used.get("total", 0),
        **{f"usage_{_RESET_NAMES[period]}": used.get(period, 0) for period in PERIODS},
    }
    return {
        "hash": row.hash,
        "id": row.id,
        "name": row.name,
        "label": f"{prefix}...{row.hint}",
        "disabled": row.status != "active",
        **_amounts(amounts),
        "limit_reset": _RESET_NAMES.get(row.budget_period),
        **_limits(standing.asked),
        "limits_in_force": _limits(standing.in_force),
        "include_byok_in_limit": False,
        "byok_usage": 0,
        **{f"byok_usage_{name}": 0 for name in RESETS},
        "currency": currency,
        "models": list(row.scope),
        "creator_user_id": row.made_by or None,
        "created_at": iso_time(row.created_at),
        "updated_at": None,
        "expires_at": iso_time(row.expires_at),
    }


def activity_row(one: UsageSum, now: float, keys: Mapping[str, KeyRow]) -> dict[str, Any]:
    """What the calls of one group came to, in OpenRouter's shape; the texts that tell of providers are empty.

    Args:
        now: Unix seconds: what has not ended by then is not complete.
        keys: ID -> key, of sums by key.
    """
    group = one.group
    start = group.get("hour", group.get("day", 0))
    model = group.get("model", "")
    shown: dict[str, Any] = {"date": datetime.fromtimestamp(start, UTC).date().isoformat()}
    if "hour" in group:
        shown["hour"] = iso_time(start)
    shown |= {"model": model, "model_permaslug": model, "endpoint_id": "", "provider_name": ""}
    if "key" in group:
        row = keys.get(group["key"])
        shown |= {"api_key_id": group["key"], "api_key_hash": row.hash if row else None}
        shown["api_key_name"] = row.name if row else None
    if "member" in group:
        shown["user_id"] = group["member"] or None
    return {
        **shown,
        **_amounts({"usage": one.charge_nano}),
        "byok_usage_inference": 0,
        "requests": one.calls,
        "errors": one.errors,
        "prompt_tokens": one.prompt_tokens,
        "completion_tokens": one.completion_tokens,
        "reasoning_tokens": one.reasoning_tokens,
        "cached_tokens": one.cached_tokens,
        "complete": start + (_HOUR_S if "hour" in group else DAY_S) <= now,
    }


def log_row(call: NamedCall, currency: str) -> dict[str, Any]:
    """One call, as far as its account is told of it."""
    record = call.record
    return {
        "id": record.request_id,
        "client_request_id": record.client_request_id or None,
        "created_at": datetime.fromtimestamp(record.created_at, UTC).isoformat(timespec="milliseconds"),
        "api_type": record.route,
        "api_key_id": record.key,
        "api_key_name": call.key_name or None,
        "model": record.model,
        "status": record.status,
        "ok": record.ending in _OK,
        "ending": record.ending,
        "error_code": record.error_code or None,
        "streamed": record.streamed,
        "cancelled": record.ending == "disconnect",
        "attempts": len(record.attempts),
        "tokens_prompt": record.prompt_tokens,
        "tokens_completion": record.completion_tokens,
        "tokens_reasoning": record.reasoning_tokens,
        "tokens_cached": record.cached_tokens,
        "units": record.units.counts() if record.units else {},
        "estimated": record.estimated,
        "clamped": record.clamped,
        "latency": record.latency_ms,
        "first_token_latency": record.first_token_ms,
        **_amounts({"total_cost": record.charge_nano}),
        "currency": currency,
    }


def _amounts(amounts: Mapping[str, int | None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, nano in amounts.items():
        text = None if nano is None else format_nano(nano)
        found |= {name: None if text is None else Decimal(text), f"{name}_text": text}
    return found


def _limits(limits: Limits) -> dict[str, Any]:
    values = asdict(limits)
    counts = {name: value for name, value in values.items() if name not in MONEY}
    return {**counts, **_amounts({name: values[name] for name in MONEY})}
