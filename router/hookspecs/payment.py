"""The hooks of a plugin by which customers pay in. None of them credits anybody: they tell facts, the host books."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pluggy

from router.types.payments import (
    AddressHolding,
    DepositAddress,
    HealthLine,
    PaymentFact,
    PaymentNotice,
    PaymentOffer,
    PaymentStarted,
    PaymentWatch,
    TopUp,
    VerifiedNotice,
    Watched,
    WatchedAddress,
)
from router.types.plugin_context import PluginContext

__all__ = ["PaymentSpecs"]

hookspec = pluggy.HookspecMarker("router")


class PaymentSpecs:
    """For a plugin by which customers pay in; ``[payments] methods`` turns it on.

    Each hook says whether money may move in it: where it may not, the host takes no fact from it that moves any. All of
    them run in the gateway's or the portal's processes, wait for nothing but I/O, and may be called again after a crash
    at any point: what they ask of the method is to be asked under the top-up's or the refund's own ID.
    """

    @hookspec
    def payment_offer(self, context: PluginContext, account: str) -> PaymentOffer | None:
        """What the method offers an account; None where it offers it nothing.

        No I/O; no money moves.

        Raises:
            ConfigError: it is not set up: what lacks, in the operator's words. No page then shows the method.

        Called: addressed, for each page that shows methods, and before each top-up. Since: 0.2.
        """

    @hookspec
    def payment_start(  # type: ignore[empty-body]
        self, context: PluginContext, topup: TopUp, return_url: str
    ) -> PaymentStarted:
        """Begin a top-up of a method whose way is ``redirect``. No money moves.

        Args:
            return_url: the page to which the method leads who has paid, or has not.

        Raises:
            Unavailable: the method cannot be asked now.
            BadRequest: it refuses the amount.

        Called: addressed, once per top-up, and again after a failure. Since: 0.2.
        """

    @hookspec
    def payment_address(  # type: ignore[empty-body]
        self, context: PluginContext, account: str, number: int
    ) -> DepositAddress:
        """The address of a number, of a method whose way is ``address``: the same whenever it is asked for.

        No I/O; no money moves.

        Called: addressed, when an account first opens the page, and whenever it is shown. Since: 0.2.
        """

    @hookspec
    def payment_redeem(  # type: ignore[empty-body]
        self, context: PluginContext, account: str, code: str
    ) -> PaymentFact:
        """Take a code, of a method whose way is ``code``: a ``DepositPaid`` whose address is the account's ID.
        Money moves.

        Raises:
            BadRequest: the code is none, was used, or is over.

        Called: addressed, for each code that somebody types; the host limits how often. Since: 0.2.
        """

    @hookspec
    def payment_event(  # type: ignore[empty-body]
        self, context: PluginContext, notice: PaymentNotice
    ) -> VerifiedNotice:
        """Prove and read a request to ``/plugins/NAME/events``. Money moves.

        Raises:
            BadRequest: its origin is not proved, or it cannot be read. Whatever else is raised is told as that, too.

        Called: addressed, for each request; facts are booked before it is answered with 200. Since: 0.2.
        """

    @hookspec
    def payment_poll(  # type: ignore[empty-body]
        self, context: PluginContext, topups: Sequence[TopUp]
    ) -> Iterable[PaymentFact]:
        """Ask the method how top-ups stand that are neither paid nor closed. Money moves.

        Called: addressed, from time to time by one of all workers, and for a single one when who paid comes back.
        Since: 0.2.
        """

    @hookspec
    def payment_watch(self, context: PluginContext, watch: PaymentWatch) -> Watched:  # type: ignore[empty-body]
        """One step of a watcher: at most some seconds of work. Money moves.

        Called: addressed, by one of all workers, again and again. Since: 0.2.
        """

    @hookspec
    def payment_refund(  # type: ignore[empty-body]
        self, context: PluginContext, topup: TopUp, amount: int, asked: str
    ) -> Iterable[PaymentFact]:
        """Give back a part of a top-up, or all of it. Money moves: the host has taken it from the account before.

        Args:
            amount: in minor units.
            asked: the host's ID of the refund: one refund for it, however often this is called.

        Raises:
            BadRequest: the method refuses it for good: what was taken is given back.
            Unavailable: it cannot be asked now: it is asked again.

        Called: addressed, until it is refused or told of. Since: 0.2.
        """

    @hookspec
    def payment_charge(  # type: ignore[empty-body]
        self, context: PluginContext, topup: TopUp, token: str
    ) -> Iterable[PaymentFact]:
        """Charge saved means for an automatic top-up. Money moves.

        Args:
            token: of ``MeansSaved``. One charge for the top-up's ID, however often this is called.

        Raises:
            BadRequest: the means were declined.

        Called: addressed, by one of all workers, until it is refused or told of. Since: 0.2.
        """

    @hookspec
    def payment_forget(self, context: PluginContext, token: str) -> None:
        """Forget saved means for good, because their owner took them back. No money moves.

        Args:
            token: of ``MeansSaved``; it may have been forgotten before.

        Raises:
            Unavailable: it is to be asked again.
            BadRequest: it cannot be done: the operator is told to do it by hand.

        Called: addressed, by one of all workers, until it is done or refused. Since: 0.2.
        """

    @hookspec
    def payment_health(self, context: PluginContext) -> Iterable[HealthLine]:  # type: ignore[empty-body]
        """Look at the set-up: keys, secrets, addresses, what the method says of them. No money moves.

        Called: addressed, by ``router payments check`` and the operator's page. Since: 0.2.
        """

    @hookspec
    def payment_statement(  # type: ignore[empty-body]
        self, context: PluginContext, watch: PaymentWatch, since: float
    ) -> Iterable[PaymentFact]:
        """Everything that the method knows to have moved since a time, told once more, to be compared with the books.
        Nothing of it is booked.

        Called: addressed, by ``router ledger verify --against METHOD``. Since: 0.2.
        """

    @hookspec
    def payment_differences(  # type: ignore[empty-body]
        self, context: PluginContext, watch: PaymentWatch, booked: Sequence[PaymentFact]
    ) -> Iterable[str]:
        """What does not fit between what the method holds and what was booked, a line each. No money moves.

        Args:
            booked: a ``DepositPaid`` for each deposit that was credited.

        Called: addressed, once an hour by one of all workers; the lines are shown to operators. Since: 0.2.
        """

    @hookspec
    def payment_holdings(  # type: ignore[empty-body]
        self, context: PluginContext, addresses: Sequence[WatchedAddress], booked: Sequence[PaymentFact]
    ) -> Iterable[AddressHolding]:
        """What lies on addresses, of a method whose way is ``address``, for the operator to collect. No money moves.

        Args:
            addresses: some of those that were given out; 500 at most. Nothing is asked, and nothing told, of others.
            booked: a ``DepositPaid`` for each deposit to them that was credited.

        Raises:
            Unavailable: it cannot be found out now.

        Called: addressed, by ``router payments addresses METHOD`` and the operator's page. Since: 0.2.
        """
