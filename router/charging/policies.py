"""The policies in force: their hooks called as the hook reference promises, and what they answer checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.config.file import Settings
from router.errors import ConfigError, RouterError, faults
from router.plugin_host.registry import Registry, nearest
from router.types.claims import BALANCE, REFUSALS, Claim, Meters, Outcome, PolicyContext, Quote, Window
from router.types.records import AnyCall, Key

__all__ = ["ALTERNATIVES_MAX", "AMOUNT_MAX", "NONE", "Policy", "failed", "fault_of", "policies_of"]

_log = logging.getLogger("router.charging")
NONE = "none"
"""In place of a policy's name: no policy of that role."""

AMOUNT_MAX = 2**62
ALTERNATIVES_MAX = 8
_SECONDS_MAX = 10.0**10
_NUMBERS = (int, float)
_SUBJECTS = ("", "key", "account")
Hook = Callable[..., Any]


@dataclass(frozen=True)
class Policy:
    """One policy plugin in its role.

    Attributes:
        name: the plugin's; its buckets' IDs begin with it, so that no policy reaches another's.
        role: ``billing`` or ``rate_limit``.
        hooks: the plugin's hooks.
        settings: its section's record.
    """

    name: str
    role: str
    hooks: Mapping[str, Hook] = field(repr=False)
    settings: Any = field(default=None, repr=False)

    def claims(self, call: AnyCall, key: Key, quote: Quote, context: PolicyContext) -> list[tuple[str, Claim]]:
        """(whole bucket ID, claim) of each claim.

        Raises:
            RouterError: the policy's own refusal; also for one that fails: nothing is served that it did not pass.
        """
        try:
            answer = self.hooks[f"{self.role}_claims"](call=call, key=key, quote=quote, context=self._own(context))
            return [(self._bucket(claim), claim) for claim in answer]
        except RouterError:
            raise
        except faults():
            raise failed(self.name, f"claims of call {call.request_id}") from None

    def meters(self, key: Key, context: PolicyContext) -> tuple[list[tuple[str, Claim]], Meters] | None:
        """(whole bucket ID, claim) of what all calls of a key claim, and the meters that give the amounts.

        None where the policy has to be asked for each call: it declares nothing, or nothing for this key.

        Raises:
            RouterError: the policy's own refusal; also for one that fails.
        """
        hook = self.hooks.get(f"{self.role}_meters")
        if hook is None:
            return None
        try:
            meters: Meters | None = hook(key=key, context=self._own(context))
            if meters is None:
                return None
            if type(meters.until) not in _NUMBERS or not (callable(meters.amounts) and callable(meters.settled)):
                raise TypeError(f"{meters!r} is no router.Meters")
            claims = [(self._bucket(claim), claim) for claim in meters.claims]
            if any(claim.alternatives for _, claim in claims):
                raise ValueError("a claim with alternatives cannot be declared beforehand")
            return claims, meters
        except RouterError:
            raise
        except faults():
            raise failed(self.name, "meters") from None

    def alternatives(self, claim: Claim) -> list[tuple[str, Claim]]:
        """The alternatives of a valid claim: (whole bucket ID, claim) each."""
        return [(self._bucket(one), one) for one in claim.alternatives]

    def settle(self, claims: Sequence[Claim], outcome: Outcome, context: PolicyContext) -> list[int]:
        """The final amounts; those that were claimed where the policy fails, or gives no sensible ones."""
        hook = self.hooks.get(f"{self.role}_settle")
        if hook is None or not claims:
            return [claim.amount for claim in claims]
        try:
            amounts = list(hook(claims=claims, outcome=outcome, context=self._own(context)))
            if len(amounts) != len(claims) or not all(map(_is_amount, amounts)):
                raise ValueError(f"{len(claims)} amounts are wanted, whole and not negative, not {amounts!r}")
        except faults():
            _log.exception("the policy %s failed to settle a call: its claims are settled in full", self.name)
            return [claim.amount for claim in claims]
        return amounts

    def undo(self, claims: Sequence[Claim], context: PolicyContext) -> None:
        """Tell the policy that its claims were not taken. Never raises."""
        hook = self.hooks.get(f"{self.role}_undo")
        if hook is None or not claims:
            return
        try:
            hook(claims=claims, context=self._own(context))
        except faults():
            _log.exception("the policy %s failed to undo its claims", self.name)

    def _own(self, context: PolicyContext) -> PolicyContext:
        settings = self.settings
        if settings is None:
            return context
        return PolicyContext(context.at, context.timezone, settings, context.client, context.account, context.model)

    def _bucket(self, claim: Claim) -> str:
        if not _is_sound(claim):
            raise _unsound(claim)
        if claim.bucket != BALANCE:
            return f"{self.name}:{claim.bucket}"
        if self.role != "billing":
            raise ValueError("only a billing policy claims from the balance")
        return BALANCE


def failed(name: str, what: str) -> RouterError:
    """The refusal of a call whose policy failed. Called while its exception is handled, which is for the log alone."""
    _log.exception("the policy %s failed on the %s", name, what)
    return RouterError(f"The policy {name!r} failed.", code="policy_failed")


def policies_of(settings: Settings, registry: Registry, plugin_settings: Mapping[str, Any]) -> list[Policy]:
    """The policies that ``[gateway] billing`` and ``rate_limit`` name, in their order.

    Args:
        plugin_settings: plugin name -> the record of its section.

    Raises:
        ConfigError: no installed plugin has a policy of that name and role.
    """
    found = []
    for role in ("billing", "rate_limit"):
        names: Sequence[str] = getattr(settings.gateway, role)
        where = settings.where(f"gateway.{role}")
        if len(set(names)) < len(names) or (NONE in names and len(names) > 1):
            raise ConfigError(f"{where}: each policy once, and {NONE!r} alone, not {', '.join(names)}")
        for name in names:
            if name == NONE:
                continue
            if registry.hook(name, f"{role}_claims") is None:
                raise ConfigError(f"{where}: {_no_policy(name, role, registry)}")
            found.append(Policy(name, role, registry.plugins[name].hooks, plugin_settings.get(name)))
    return found


def fault_of(claim: Any) -> Exception | None:
    """What is wrong with a claim; None where nothing is."""
    return None if _is_sound(claim) else _unsound(claim)


def _no_policy(name: str, role: str, registry: Registry) -> str:
    plugin = registry.plugins.get(name)
    if plugin is not None and plugin.state == "disabled":
        return f"the plugin {name!r} is installed, but [plugins] leaves it out"
    if plugin is not None and plugin.state == "failed":
        return f"the plugin {name!r} is installed, but not loaded: {plugin.problem}"
    known = [NONE, *(one.name for one in registry.having(f"{role}_claims"))]
    what = role.replace("_", "-")
    return f"there is no {what} policy {name!r}{nearest(name, known)} (installed: {', '.join(known)})"


def _is_sound(claim: Any) -> bool:
    """Whether a claim is valid. One expression, since it is asked ten times a call."""
    if not isinstance(claim, Claim):
        return False
    bucket, amount, ceiling, window, at_least, refusal, message, unit, at_once, of, alternatives = claim
    return bool(
        type(bucket) is type(message) is type(unit) is str
        and bucket
        and type(amount) is type(at_least) is int
        and 0 <= amount <= AMOUNT_MAX
        and 0 <= at_least <= AMOUNT_MAX
        and (ceiling is None or _is_amount(ceiling))
        and refusal in REFUSALS
        and type(at_once) is bool
        and of in _SUBJECTS
        and (window is None or (_is_window(window) and not (window.refill and (of or ceiling is None))))
        and (alternatives == () or _are_alternatives(alternatives))
    )


def _are_alternatives(claims: Any) -> bool:
    sound = type(claims) is tuple and len(claims) <= ALTERNATIVES_MAX and all(map(_is_sound, claims))
    return sound and not any(claim.alternatives for claim in claims)


def _unsound(claim: Any) -> Exception:
    """What is wrong with a claim that is not sound."""
    if not isinstance(claim, Claim) or not isinstance(claim.bucket, str) or not claim.bucket:
        return TypeError(f"{claim!r} is no claim on a bucket")
    if claim.refusal not in REFUSALS:
        return ValueError(f"{claim.refusal!r} is no refusal: use one of {', '.join(REFUSALS)}")
    if type(claim.at_once) is not bool or claim.of not in _SUBJECTS:
        return ValueError(f"{claim!r}: at_once must be true or false, of 'key', 'account' or empty")
    if claim.window is not None and not _is_window(claim.window):
        return ValueError(f"{claim.window!r} is no window: its seconds must be above zero, its start a time")
    if claim.window is not None and claim.window.refill and (claim.of or claim.ceiling is None):
        return ValueError(f"{claim!r}: a bucket that refills has a ceiling, and counts nobody's charges (of)")
    if claim.alternatives != () and not _are_alternatives(claim.alternatives):
        most = f"a tuple of at most {ALTERNATIVES_MAX} sound claims without alternatives of their own"
        return ValueError(f"{claim!r}: alternatives must be {most}")
    if not (isinstance(claim.message, str) and isinstance(claim.unit, str)):
        return TypeError(f"the message and the unit of {claim!r} must be text")
    return ValueError(f"the amounts of {claim!r} must be whole numbers of at least 0")


def _is_amount(value: Any) -> bool:
    return type(value) is int and 0 <= value <= AMOUNT_MAX


def _is_window(value: Any) -> bool:
    if not isinstance(value, Window):
        return False
    start = 0.0 if value.start is None else value.start
    numbers = type(value.seconds) in _NUMBERS and type(start) in _NUMBERS
    if not (numbers and 0 < value.seconds <= _SECONDS_MAX and 0 <= start <= _SECONDS_MAX):  # false for NaN
        return False
    refill = value.refill
    plain = type(refill) is int and 0 <= refill <= AMOUNT_MAX
    return plain and not (refill and (value.start is not None or round(value.seconds * 1000) < 1))
