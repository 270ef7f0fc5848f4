"""What the gateway earned, spent and owes in a time; an unknown cost is none, never zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.ledger.operations import Hold
from router.ledger.totals import KindSum, Outstanding, list_holds, outstanding, sum_kinds
from router.metering.usage_hours import UsageSum, sum_hours
from router.office.office import Office
from router.store.console.counts import OWN_KINDS, Arrivals, count_arrivals, count_paying

__all__ = [
    "Arrivals",
    "Figures",
    "Hold",
    "KindSum",
    "Moved",
    "Outstanding",
    "arrivals",
    "figures",
    "moved",
    "old_holds",
    "owed",
]


@dataclass(frozen=True, slots=True)
class Moved:
    """What was given and taken in a time besides calls, in nano-units of the balance currency.

    Attributes:
        kinds: kind -> sums of the transfers that are no call's.
        paying: accounts that topped up.
    """

    kinds: Mapping[str, KindSum]
    paying: int

    @property
    def topped_up_nano(self) -> int:
        """What payments brought: transfers to customers of kinds that are not the host's own."""
        return sum(one.given_nano for kind, one in self.kinds.items() if kind not in OWN_KINDS)

    @property
    def refunded_nano(self) -> int:
        """Charges that were given back."""
        return self._given("refund") + self._given("return")

    @property
    def free_nano(self) -> int:
        """Free credit of sign-ups."""
        return self._given("free")

    @property
    def granted_nano(self) -> int:
        """What operators gave."""
        return self._given("grant")

    @property
    def shortfall_nano(self) -> int:
        """What calls cost beyond what their accounts had."""
        found = self.kinds.get("shortfall")
        return found.amount_nano if found is not None else 0

    def _given(self, kind: str) -> int:
        found = self.kinds.get(kind)
        return found.given_nano if found is not None else 0


@dataclass(frozen=True, slots=True)
class Figures(Moved):
    """The same, with what calls came to.

    Attributes:
        calls, errors: finished calls; those that failed.
        charged_nano: what accounts were charged for calls.
        cost_nano: what providers charge for the calls whose cost is known.
        uncosted: calls that were charged, and whose cost is not known.
    """

    calls: int
    errors: int
    charged_nano: int
    cost_nano: int
    uncosted: int

    @property
    def margin_nano(self) -> int | None:
        """Charges less costs and refunds; None where the cost of a call is not known."""
        return None if self.uncosted else self.charged_nano - self.cost_nano - self.refunded_nano


def moved(office: Office, since: float, until: float) -> Moved:
    """A time, Unix seconds, half open; no sum of calls is read for it, which are many.

    Raises:
        ConfigError: the balances are in another currency than the configuration's.
    """
    _ = office.currency
    return Moved(sum_kinds(office.database, since, until), count_paying(office.database, since, until))


def figures(office: Office, since: float, until: float, hours: Sequence[UsageSum] | None = None) -> Figures:
    """A time, Unix seconds, half open; of calls the hours that begin in it.

    Args:
        hours: sums by hour in which it lies, where they were read already; everybody's are many.

    Raises:
        ConfigError: the balances are in another currency than the configuration's.
    """
    given = moved(office, since, until)
    if hours is None:
        sums = sum_hours(office.database, by=(), since=since, until=until)
    else:
        sums = [one for one in hours if since <= one.group["hour"] < until]
    return Figures(
        given.kinds,
        given.paying,
        sum(one.calls for one in sums),
        sum(one.errors for one in sums),
        sum(one.charge_nano for one in sums),
        sum(one.cost_nano for one in sums),
        sum(one.uncosted for one in sums),
    )


def arrivals(office: Office, since: float, until: float) -> Arrivals:
    """Who signed up in a time, and who waits for an operator."""
    return count_arrivals(office.database, since, until)


def owed(office: Office) -> Outstanding:
    """What is owed to customers now."""
    return outstanding(office.database)


def old_holds(office: Office, older_s: float, limit: int = 100) -> list[Hold]:
    """Calls under way that began so many seconds ago or earlier, the oldest first."""
    return list_holds(office.database, office.clock() - older_s, limit)
