"""An API key, and what limits it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AMOUNT_MAX", "KEY_KINDS", "Budget", "Key", "Limits"]

AMOUNT_MAX = 10**18
"""The largest limit: a billion units of money, in nano-units."""

KEY_KINDS = ("model", "management", "operator", "hidden")
"""What keys are for: to call models; to manage an account's keys and read what it used; to run the gateway, of no
account; and, shown in no list, to call models for a page."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one key or one account; None is no limit.

    Attributes:
        requests_per_minute, tokens_per_minute: in windows of 60 s that a first call begins.
        concurrent: calls under way.
        spend_per_day, spend_per_month: charges in nano-units, by the calendar.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent: int | None = None
    spend_per_day: int | None = None
    spend_per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one key may spend.

    Attributes:
        amount_nano: for each period.
        period: empty for ever, or ``day``, ``week`` (from Monday) or ``month`` of the calendar.
    """

    amount_nano: int
    period: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as the line knows it: never its text, only what it may do.

    Attributes:
        id: public identifier (``key_...``).
        account: the account that pays.
        name: the operator's label.
        status: ``active``, ``disabled`` or ``revoked``.
        expires_at: Unix seconds; None never expires.
        scope: public model IDs (or ``provider/*``) that it may use; empty for all.
        budget: the most that it may spend; None for what the account has.
        limits, account_limits: what holds for this key alone, and for all keys of its account together.
        tier, price_list: of its account; empty for the defaults.
        idempotent: whether it may send ``Idempotency-Key``.
        version: of all keys, accounts and limits, when this one was read; a claim under an older one is refused.
        origin: the ID of the first key, where this one took another's place by rotation; else empty.
        kind: one of ``KEY_KINDS``.
    """

    id: str
    account: str
    name: str = ""
    status: str = "active"
    expires_at: float | None = None
    scope: tuple[str, ...] = ()
    budget: Budget | None = None
    limits: Limits = Limits()
    account_limits: Limits = Limits()
    tier: str = ""
    price_list: str = ""
    idempotent: bool = False
    version: int = 0
    origin: str = ""
    kind: str = "model"

    @property
    def counted_as(self) -> str:
        """The ID under which budget and limits are counted: rotating a key neither resets nor doubles them."""
        return self.origin or self.id

    @property
    def calls_models(self) -> bool:
        """Whether it is for calls: a management key is not, whatever models it names."""
        return self.kind in ("model", "hidden")

    def may_use(self, model_id: str) -> bool:
        """Whether a public model ID is in the scope."""
        if not self.scope or model_id in self.scope:
            return True
        return any(one.endswith("/*") and model_id.startswith(one[:-1]) for one in self.scope)
