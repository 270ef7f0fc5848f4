"""Vouchers: codes that an operator makes and a customer types, each of them credited once.

A code is claimed in this plugin's table first, for one account alone, and then told to the host. What was claimed and
perhaps not booked is told again by the watcher: the host books a fact once, however often it hears of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router_plugins.voucher.pages import PATH, page_routes
from router_plugins.voucher.table import KINDS, TABLES, Codes

from router import (
    DepositPaid,
    HealthLine,
    MenuEntry,
    Migration,
    PaymentFact,
    PaymentOffer,
    PaymentWatch,
    PluginContext,
    PluginRoute,
    Watched,
    hookimpl,
)

if TYPE_CHECKING:
    import click

__all__ = ["plugin"]

_OVERLAP_S = 300.0
"""Nodes' clocks differ, and a claim is seen later than it is dated."""
_STEP = 1000
_DECIMALS = 9


@dataclass(frozen=True)
class Settings:
    """``[plugins.voucher]``.

    Attributes:
        title: as customers read the method's name.
        text: beside it.
    """

    title: str = "Voucher"
    text: str = "Type the code as it stands on the voucher; dashes do not matter."


class Vouchers:
    """The payment method ``voucher``."""

    requires_hooks = "0.2"

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def storage_migrations(self) -> Sequence[Migration]:
        return [
            Migration(1, "codes, and who changed them", TABLES),
            Migration(2, "kinds of credit; changes stand in the audit log", KINDS),
        ]

    @hookimpl
    def commands(self, context: PluginContext) -> Sequence[click.Command]:
        from router_plugins.voucher.commands import vouchers_group

        return [vouchers_group(context)]

    @hookimpl
    def routes(self, context: PluginContext) -> Sequence[PluginRoute]:
        return page_routes(context)

    @hookimpl
    def menu(self, context: PluginContext) -> Sequence[MenuEntry]:
        return [MenuEntry("Vouchers", PATH, audience="operator")]

    @hookimpl
    def payment_offer(self, context: PluginContext, account: str) -> PaymentOffer | None:
        settings: Settings = context.settings
        return PaymentOffer(settings.title, "code", text=settings.text)

    @hookimpl
    def payment_redeem(self, context: PluginContext, account: str, code: str) -> PaymentFact:
        return _paid(Codes(context).claim(account, code))

    @hookimpl
    def payment_watch(self, context: PluginContext, watch: PaymentWatch) -> Watched:
        since = min(float(watch.cursor.get("since", 0.0)), watch.now)  # the clock may have been ahead
        rows = Codes(context).claimed(since - _OVERLAP_S, _STEP)
        more = len(rows) == _STEP
        reached = rows[-1]["claimed_at"] + _OVERLAP_S if more else watch.now
        return Watched([_paid(row) for row in rows], {"since": reached}, 0.0 if more else 60.0)

    @hookimpl
    def payment_statement(self, context: PluginContext, since: float) -> Iterable[PaymentFact]:
        return [_paid(row) for row in Codes(context).claimed(since)]

    @hookimpl
    def payment_differences(self, context: PluginContext, booked: Sequence[PaymentFact]) -> Iterable[str]:
        return list(_differences(Codes(context).claimed(0.0), booked))

    @hookimpl
    def payment_health(self, context: PluginContext) -> Iterable[HealthLine]:
        counted = ", ".join(f"{number} {state}" for state, number in Codes(context).counts().items())
        return [HealthLine("codes", True, counted)]


def _paid(row: Mapping[str, Any]) -> DepositPaid:
    """The fact of a code that was claimed: the same whenever it is told."""
    detail = {"campaign": row["campaign"], "ends_with": row["hint"]}
    reference = f"voucher:{row['id']}"
    granted, lasts_s = bool(row["granted"]), row["lasts_s"]
    until = row["claimed_at"] + lasts_s if granted and lasts_s else 0.0
    worth = (row["amount_nano"], row["currency"], _DECIMALS)
    return DepositPaid(reference, row["claimed_by"], *worth, detail=detail, granted=granted, expires_at=until)


def _differences(rows: Sequence[Mapping[str, Any]], booked: Sequence[PaymentFact]) -> Iterator[str]:
    ours = {fact.reference: fact for fact in map(_paid, rows)}
    theirs = {fact.reference: fact for fact in booked if isinstance(fact, DepositPaid)}
    for reference in sorted(ours.keys() - theirs.keys()):
        yield f"{reference} was used by {ours[reference].address}, and is not credited"
    for reference in sorted(theirs.keys() - ours.keys()):
        yield f"{reference} is credited to {theirs[reference].address}, and no code of it was used"
    for reference in sorted(ours.keys() & theirs.keys()):
        if (ours[reference].address, ours[reference].amount) != (theirs[reference].address, theirs[reference].amount):
            yield f"{reference} is credited to another account, or with another amount, than those of its code"


plugin = Vouchers()
