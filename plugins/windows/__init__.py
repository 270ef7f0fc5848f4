"""Limits in windows of time: requests and tokens per minute, calls under way, money per day and per month.

What holds for a key comes from ``key.limits``, what holds for all keys of its account together from
``key.account_limits``; the host has merged both from the key, the account, its tier and ``[limits]``. A limit of zero
refuses every call.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf

from router import Claim, Key, Limits, Meters, Outcome, PolicyContext, Quote, Window, hookimpl, window_of
from router.money import format_nano

__all__ = ["plugin"]

_MINUTE = Window(60)
_NO_QUOTE = Quote(0, 0, 0)
_ONE_EACH = ("requests", "concurrent")


@dataclass(frozen=True)
class Settings:
    """``[plugins.windows]``.

    Attributes:
        uncapped_output_tokens: the output that a call is taken to need, against tokens per minute, where the client
            named no cap: its bound is often a hundred times what it uses.
    """

    uncapped_output_tokens: int = field(default=256, metadata={"min": 0, "max": 10_000_000})


class Windows:
    """The rate-limit policy ``windows``."""

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def rate_limit_claims(self, key: Key, quote: Quote, context: PolicyContext) -> Sequence[Claim]:
        own = _claims(key.limits, f"key:{key.counted_as}", "key", quote, context)
        shown = tuple(claim.unit for claim in own)
        return own + _claims(key.account_limits, f"account:{key.account}", "account", quote, context, shown)

    @hookimpl
    def rate_limit_meters(self, key: Key, context: PolicyContext) -> Meters:
        claims = self.rate_limit_claims(key, _NO_QUOTE, context)
        return _Declared(claims, context.settings.uncapped_output_tokens)

    @hookimpl
    def rate_limit_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        used = _used(outcome)
        return [used[claim.bucket.partition(":")[0]] for claim in claims]


class _Declared:
    """What every call of a key claims: its amounts alone differ from call to call.

    Args:
        claims: those of any call.
        uncapped: output tokens that a call without a cap is taken to need.
    """

    def __init__(self, claims: Sequence[Claim], uncapped: int) -> None:
        self.claims = claims
        ends = (one.window.start + one.window.seconds for one in claims if one.window and one.window.start is not None)
        self.until = min(ends, default=inf)
        self._uncapped = uncapped
        self._counts = [(claim.bucket.partition(":")[0], claim.ceiling or 0) for claim in claims]

    def amounts(self, quote: Quote) -> Sequence[int]:
        output, charge_nano = quote.completion_tokens, quote.charge_nano
        if not quote.named_cap and output > self._uncapped:
            output = self._uncapped
        tokens = quote.prompt_tokens + output
        amounts = []
        for counted, most in self._counts:
            if counted == "tokens":
                amounts.append(max(1, min(tokens, most)))
            else:
                amounts.append(1 if counted in _ONE_EACH else charge_nano)
        return amounts

    def settled(self, outcome: Outcome) -> Sequence[int]:
        used = _used(outcome)
        return [used[counted] for counted, _ in self._counts]


def _used(outcome: Outcome) -> dict[str, int]:
    """What a call has used of each kind of bucket."""
    usage = outcome.usage
    return {
        "requests": 1,
        "tokens": usage.prompt_tokens + usage.completion_tokens if usage is not None else 0,
        "concurrent": 0,
        "day": outcome.charge_nano,
        "month": outcome.charge_nano,
    }


def _claims(
    limits: Limits, whose: str, noun: str, quote: Quote, context: PolicyContext, shown: Collection[str] = ()
) -> list[Claim]:
    """The claims of one key or one account.

    Args:
        whose: what the buckets' names end with.
        noun: how messages call it.
        shown: units that stand in the response's headers already.
    """
    claims = []
    if (most := limits.requests_per_minute) is not None:
        claims.append(_requests(most, whose, noun, "" if "requests" in shown else "requests"))
    if (most := limits.tokens_per_minute) is not None:
        like = _like_tokens(most, whose, noun, "" if "tokens" in shown else "tokens")
        claims.append(_with_amount(like, _tokens(quote, context, most)))
    if (most := limits.concurrent) is not None:
        claims.append(_concurrent(most, whose, noun))
    if (most := limits.spend_per_day) is not None:
        like = _like_spending(most, "day", window_of("day", context.at, context.timezone), whose, noun)
        claims.append(_with_amount(like, quote.charge_nano))
    if (most := limits.spend_per_month) is not None:
        like = _like_spending(most, "month", window_of("month", context.at, context.timezone), whose, noun)
        claims.append(_with_amount(like, quote.charge_nano))
    return claims


# What is the same for every call of a key is made once: making claims is most of what a policy takes.


@lru_cache(maxsize=10_000)
def _requests(most: int, whose: str, noun: str, unit: str) -> Claim:
    message = f"The limit of this {noun}, {most} requests per minute, is reached."
    return Claim(f"requests:{whose}", 1, most, _MINUTE, message=message, unit=unit, at_once=True)


@lru_cache(maxsize=10_000)
def _like_tokens(most: int, whose: str, noun: str, unit: str) -> Claim:
    message = f"The limit of this {noun}, {most} tokens per minute, leaves too few for this call."
    return Claim(f"tokens:{whose}", 0, most, _MINUTE, message=message, unit=unit)


@lru_cache(maxsize=10_000)
def _concurrent(most: int, whose: str, noun: str) -> Claim:
    message = f"The limit of this {noun}, {most} calls at the same time, is reached."
    return Claim(f"concurrent:{whose}", 1, most, message=message)


@lru_cache(maxsize=20_000)
def _like_spending(most: int, period: str, window: Window, whose: str, noun: str) -> Claim:
    limit = f"The spending limit of this {noun}, {format_nano(most)} per {period},"
    message = f"{limit} leaves too little for this call."
    least = 0 if most else 1
    return Claim(f"{period}:{whose}", 0, most, window, at_least=least, message=message, unit="money", of=noun)


def _with_amount(like: Claim, amount: int) -> Claim:
    """The same claim of another amount: four times as fast as ``_replace``."""
    bucket, _, ceiling, window, at_least, refusal, message, unit, at_once, of, _ = like
    return Claim(bucket, amount, ceiling, window, at_least, refusal, message, unit, at_once, of)


def _tokens(quote: Quote, context: PolicyContext, most: int) -> int:
    """What to claim of ``most`` tokens: no more than all of them, or a large call would never pass; at least one."""
    output = quote.completion_tokens
    if not quote.named_cap:
        output = min(output, context.settings.uncapped_output_tokens)
    return max(1, min(quote.prompt_tokens + output, most))


plugin = Windows()
