"""What policies work with: a call's bounds go in, claims on buckets come out, and later what became of the call.

Billing and rate-limit policies are pure: they name buckets and amounts, and the host takes all claims of a call in one
transaction, or none. All amounts are whole numbers: nano-units of the balance currency where a bucket counts money,
else requests, tokens or calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, NamedTuple, Protocol

from router.errors import BudgetExceeded, InsufficientQuota, RateLimited, RouterError
from router.money.usage import Usage
from router.structs import record

__all__ = ["BALANCE", "REFUSALS", "Claim", "Meters", "Outcome", "PolicyContext", "Quote", "Window"]

BALANCE = "balance"
"""The bucket that is the account's own money. Its ceiling is what the account has available."""

REFUSALS: dict[str, type[RouterError]] = {
    "balance": InsufficientQuota,
    "budget": BudgetExceeded,
    "rate_limit": RateLimited,
}
"""What a claim may name as its refusal -> the error that a client sees when it cannot be taken."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time for which a bucket counts; then it begins again at zero. Or, with ``refill``, a bucket that fills up
    again little by little, up to the claim's ceiling: never above it, and never faster.

    Attributes:
        seconds: its length.
        start: Unix seconds at which it begins (a calendar day or month); None lets the first claim after the end of
            the last window begin the next.
        refill: units that are given back in ``seconds``, in the smallest whole steps that there are: of 600 in a
            minute one each 100 ms. 0 for a window that ends; with it there is no ``start``, and no ``of`` in a claim.
    """

    seconds: float
    start: float | None = None
    refill: int = 0


class Claim(NamedTuple):
    """One amount that a call wants to take from one bucket before the upstream sees anything.

    Attributes:
        bucket: names what is counted, within the policy that claims (``requests:key_1``); ``BALANCE`` is the account's
            money, for billing policies only.
        amount: what is held until the call is settled; at least zero.
        ceiling: what used and held amounts together may not exceed; None for ``BALANCE``, and for a bucket that only
            counts.
        window: None counts for ever, or, for a bucket that settles to zero, what is under way.
        at_least: what must be free besides ``amount`` although it is not taken.
        refusal: a key of ``REFUSALS``.
        message: what the client reads when it is refused; a text of the host's where empty.
        unit: ``requests`` or ``tokens`` shows the claim as ``x-ratelimit-limit-<unit>`` and its kin; ``money`` says
            that it counts the call's charge, so that a cap of the host's own may be lowered until it fits, as it may
            for ``BALANCE``.
        at_once: what is claimed is used as it is claimed (a request), and counts in the window of that moment alone.
            Anything else is held until the call ends, in every window that begins meanwhile, and what was used counts
            in the window in which that becomes known.
        of: ``key`` or ``account`` for a bucket that counts the charges of the call's key (and of those that it took
            the place of), or of its account: one that begins in the middle of a period then begins with what was
            charged in it so far. Empty for any other.
        alternatives: claims that will do in place of this one, best first, eight at most: the first of all that fits is
            taken, within the same transaction. Where none fits, the call is refused as the last one says. The policy
            is told which it was: it stands in the place of this one when the call is settled. They have none of
            their own, and a claim with them cannot be declared beforehand.
    """

    bucket: str
    amount: int
    ceiling: int | None = None
    window: Window | None = None
    at_least: int = 0
    refusal: str = "rate_limit"
    message: str = ""
    unit: str = ""
    at_once: bool = False
    of: str = ""
    alternatives: tuple[Claim, ...] = ()


@record
@dataclass(frozen=True, slots=True)
class Quote:
    """The most that a call can use.

    Attributes:
        prompt_tokens: all input.
        completion_tokens: all output of all choices.
        charge_nano: what both would be charged at the dearest configured target.
        named_cap: whether the client itself limited the output.
        model: ``PROVIDER/MODEL`` of the target that comes first. Count by this: ``call.model`` is what the client
            wrote, and of one model's aliases and bare names each would have a count of its own.
    """

    prompt_tokens: int
    completion_tokens: int
    charge_nano: int
    named_cap: bool = False
    model: str = ""


@record
@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call used.

    Attributes:
        ending: ``ok``, ``error``, ``cut``, ``disconnect`` or ``expired``.
        usage: None where nothing was used.
        charge_nano: what that is charged, at the price of the target that served; for a rate-limit policy, what the
            billing policy has made of it.
    """

    ending: str
    usage: Usage | None
    charge_nano: int


@record
@dataclass(frozen=True, slots=True)
class PolicyContext:
    """What a policy's hook may use besides its own arguments.

    Attributes:
        at: Unix seconds now: a policy asks no clock.
        timezone: in which days and months begin (``[limits] timezone``).
        settings: the plugin's section ``[plugins.NAME]``, of the type that its ``settings()`` hook returned.
        client: the IP address of the call's client, by trusted proxies where it came through such; empty where it is
            not known, and where no single call is meant (``..._meters``, the end of a call whose worker died).
        account: ID of the account whose call it is.
        model: ``PROVIDER/MODEL`` of the target that comes first, whatever name the client used; empty for a request
            that is answered without a call.
    """

    at: float
    timezone: tzinfo = UTC
    settings: Any = field(default=None, repr=False)
    client: str = ""
    account: str = ""
    model: str = ""


class Meters(Protocol):
    """What a policy claims of every call of one key, declared once in place of being asked for each.

    Attributes:
        claims: as the policy's hook for single calls gives them, in the same order; their amounts are not heeded.
        until: Unix seconds from which on the policy has to be asked again, since a window of its claims ends then;
            ``math.inf`` where none does.
    """

    @property
    def claims(self) -> Sequence[Claim]: ...

    @property
    def until(self) -> float: ...

    def amounts(self, quote: Quote) -> Sequence[int] | None:
        """The amount of each claim, for one call; None where the policy is to be asked for the claims of this one.

        Raises:
            RouterError: refuses the call.
        """
        ...

    def settled(self, outcome: Outcome) -> Sequence[int]:
        """The final amount of each claim, once the call is over; it replaces what was held."""
        ...
