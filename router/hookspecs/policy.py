"""The hooks of a policy. Both roles have the same four; what differs between them is a word or two."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import pluggy

from router.types.claims import Claim, Meters, Outcome, PolicyContext, Quote
from router.types.records import AnyCall, Key

__all__ = ["BillingSpecs", "RateLimitSpecs"]

hookspec = pluggy.HookspecMarker("router")


class _PolicySpecs:
    """For a policy that {DECIDES}; ``[gateway] {ROLE} = "NAME"`` chooses it. Several names are asked in their order:
    all of their claims are taken together, or none.

    A failing hook fails closed: the call is refused, or its claims are settled in full.
    """

    def meters(self, key: Key, context: PolicyContext) -> Meters | None:
        """What every call of a key to a model claims, declared beforehand: no call is then asked for.

        The declaration says the same as ``{ROLE}_claims`` and ``{ROLE}_settle``, which stay, and are
        asked where there is no declaration, or where its ``amounts`` gives None. ``{ROLE}_undo`` is not called
        for declared claims. Pure, as ``{ROLE}_claims``. A class that overrides one of the hooks for single calls
        has to override this one as well: else the declaration that it inherits is not used. A claim with
        ``alternatives`` cannot be declared.

        Args:
            context: the time, and the plugin's own settings. What is returned holds from then on, until its ``until``
                or until the key, its account or a limit changes.

        Returns:
            None for a key whose calls must be asked for one by one.

        Raises:
            RouterError: refuses the call.

        Called: addressed, at the first of a key's calls to a model, and again at each ``until``. Since: 0.2.
        """

    def claims(  # type: ignore[empty-body]
        self, call: AnyCall, key: Key, quote: Quote, context: PolicyContext
    ) -> Sequence[Claim]:
        """What a call takes from which buckets, before the upstream sees anything; empty lets it pass, and leaves
        nothing to settle or undo.

        The host takes the claims of all policies in one transaction, or none. A pure function: no I/O, no clock, no
        state; it may be called again for the same call, with a smaller quote. A policy whose state lives elsewhere
        takes it here, and gives it back in ``{ROLE}_undo``.

        Args:
            quote: the most that the call can use, and what that would be charged.
            context: the time, the resolved model, and the plugin's own settings.

        Raises:
            RouterError: refuses the call.

        Called: addressed, at least once per call. Since: 0.1.
        """

    def settle(  # type: ignore[empty-body]
        self, claims: Sequence[Claim], outcome: Outcome, context: PolicyContext
    ) -> Sequence[int]:
        """The final amount of each claim, in their order; it replaces what was held. Without this hook, all amounts
        stay as they were claimed. The claims are the very objects that ``{ROLE}_claims`` returned; where one had
        ``alternatives``, that one of them which was taken.

        An amount may exceed its claim; of ``BALANCE``, no more is taken than the account has. What was claimed in a
        window that is over by now is forgotten. Pure, as ``{ROLE}_claims``.{CHARGES}

        Called: addressed, exactly once for each call whose claims were taken. Since: 0.1.
        """

    def undo(self, claims: Sequence[Claim], context: PolicyContext) -> None:
        """Claims that this policy returned were not taken: another claim was refused, or the database failed.

        Called: addressed, for each answer of ``{ROLE}_claims`` that was not taken. Since: 0.1.
        """


_CHARGES = """

What it gives for ``BALANCE`` is the charge: what a key's budget, and the rate-limit policies, count. The
charges of several billing policies add up, and each is told of the whole price in ``outcome``."""


def _specs(name: str, role: str, **words: str) -> type:
    """The specs of one role: its hooks are named after it."""
    words["ROLE"] = role
    members: dict[str, Any] = {"__doc__": _told(_PolicySpecs, words), "__module__": __name__}
    for hook in ("meters", "claims", "settle", "undo"):
        made = _copied(vars(_PolicySpecs)[hook], f"{role}_{hook}", f"{name}.{role}_{hook}")
        made.__doc__ = _told(vars(_PolicySpecs)[hook], words)
        members[made.__name__] = hookspec(made)
    return type(name, (), members)


def _copied(function: Callable[..., Any], name: str, qualname: str) -> Callable[..., Any]:
    @wraps(function)
    def spec(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    spec.__name__, spec.__qualname__ = name, qualname
    return spec


def _told(thing: Any, words: dict[str, str]) -> str:
    text = inspect.getdoc(thing) or ""
    for word, meaning in words.items():
        text = text.replace(f"{{{word}}}", meaning)
    return text


BillingSpecs: type = _specs("BillingSpecs", "billing", DECIDES="decides who may spend how much", CHARGES=_CHARGES)
RateLimitSpecs: type = _specs(
    "RateLimitSpecs", "rate_limit", DECIDES="decides how often and how much may be called", CHARGES=""
)
