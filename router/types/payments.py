"""What the host and a payment method say to each other: offers, top-ups, and facts about money.

A method never credits anybody. It tells **facts** ("this session was paid"), each with a reference that names the fact
for ever; the host books every fact once, however often, in whatever order and by whichever worker it is told. Amounts
are whole minor units of the currency that the method charges in (cents, wei), as ``int`` of any size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "AddressHolding",
    "DepositAddress",
    "DepositDropped",
    "DepositPaid",
    "DepositSeen",
    "Dispute",
    "HealthLine",
    "MeansForgotten",
    "MeansSaved",
    "PaymentFact",
    "PaymentNotice",
    "PaymentOffer",
    "PaymentStarted",
    "PaymentWatch",
    "Refund",
    "TopUp",
    "TopUpClosed",
    "TopUpPaid",
    "TopUpPending",
    "VerifiedNotice",
    "Watched",
    "WatchedAddress",
]


@dataclass(frozen=True, slots=True)
class PaymentOffer:
    """How a method lets an account pay.

    Attributes:
        title: as customers read it: ``Card``, ``USDT on TRON``.
        way: ``redirect`` leads to a page of the method's, ``address`` shows where to send, ``code`` asks for a code.
        currency: what is charged in; empty for ``code``.
        decimals: digits of that currency behind the point.
        least, most: bounds of one payment, in minor units; ``most`` 0 is none.
        fee_minor, fee_millionths: what is charged above the credit: fixed, and a share of it.
        saves_means: whether a payment can leave means by which ``payment_charge`` charges later.
        test: whether it moves play money: pages say so.
        text: what the page says beside it, in plain words; empty for nothing.
    """

    title: str
    way: Literal["redirect", "address", "code"]
    currency: str = ""
    decimals: int = 2
    least: int = 0
    most: int = 0
    fee_minor: int = 0
    fee_millionths: int = 0
    saves_means: bool = False
    test: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class TopUp:
    """One payment of an account's, as the host keeps it.

    Attributes:
        id: ``top_...``: what the method passes on as its own reference.
        amount: what is charged, the fee with it, in minor units.
        currency, decimals: of ``amount``.
        state: ``started``, ``pending``, ``paid``, ``part_refunded``, ``refunded``, ``disputed``, ``expired`` or
            ``failed``.
        reference: the method's own; empty before ``payment_start`` has given it.
        payment: a second one, which later facts may be told by, such as a payment intent.
        email: of who pays; empty where it is not known.
        credit: what will be credited, as text with its currency, for people to read.
        save_means: whether who pays wants the means kept.
    """

    id: str
    method: str
    account: str
    amount: int
    currency: str
    decimals: int
    state: str = "started"
    reference: str = ""
    payment: str = ""
    email: str = field(default="", repr=False)
    credit: str = ""
    save_means: bool = False
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class PaymentStarted:
    """What ``payment_start`` gives: where to lead who pays.

    Attributes:
        reference: the method's own for the top-up, unique with it.
        url: the page of the method's; ``https``, or ``http`` on this machine.
        expires_at: when it can no longer be paid, Unix seconds; 0 for never.
    """

    reference: str
    url: str
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True)
class DepositAddress:
    """Where an account sends to; the same for good.

    Attributes:
        address: exactly as it is to be copied.
        networks: for each network its name, and the currencies credited there.
        qr: the text of the QR code; empty for the address itself.
        warning: what must not be sent there.
    """

    address: str
    networks: Sequence[tuple[str, Sequence[str]]]
    qr: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """A request to ``/plugins/NAME/events``, as it came in.

    Attributes:
        headers: lower-case names.
        body, client: the raw bytes, and the client's IP address.
    """

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    client: str = ""


@dataclass(frozen=True, slots=True)
class TopUpPaid:
    """A top-up was paid in full: it is credited.

    Attributes:
        reference: names the payment for ever (a session's ID).
        topup: the host's ID.
        amount, currency: what was paid; anything else than what the top-up asks for is refused, and credits nothing.
        payment: a second reference, which refunds and disputes will name.
    """

    reference: str
    topup: str
    amount: int
    currency: str
    payment: str = ""


@dataclass(frozen=True, slots=True)
class TopUpPending:
    """A top-up was begun to be paid, and the money is not here yet. It moves nothing."""

    topup: str
    note: str = ""
    payment: str = ""


@dataclass(frozen=True, slots=True)
class TopUpClosed:
    """A top-up will not be paid. It moves nothing, and a payment that comes all the same is credited.

    Attributes:
        state: ``expired`` or ``failed``.
        note: why, in words for who pays.
    """

    topup: str
    state: Literal["expired", "failed"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class DepositSeen:
    """Money is on its way to an address, and may still go away. It moves nothing.

    Attributes:
        reference: names it for ever, and is that of the ``DepositPaid`` to come.
        address: one of the watched ones.
        confirmations, wanted: how far it is.
        detail: what the method needs to find it again, as JSON takes it.
    """

    reference: str
    address: str
    amount: int
    currency: str
    decimals: int
    confirmations: int = 0
    wanted: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DepositPaid:
    """Money has come to an address for good: it is credited.

    Attributes:
        usd_rate: what one unit of the currency was worth in USD, as decimal text, where the method knows better than
            the host; empty for the host's own rate.
        granted: nobody has paid for it: granted credit, never refunded, and over at ``expires_at``; 0 for never.
    """

    reference: str
    address: str
    amount: int
    currency: str
    decimals: int
    usd_rate: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    granted: bool = False
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True)
class DepositDropped:
    """What was seen is gone: the chain went another way. It moves nothing."""

    reference: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money went back to who paid: it is taken from the account once.

    Attributes:
        reference: names the refund for ever.
        payment: the top-up's ``reference`` or ``payment``; or ``topup``, the host's ID.
        amount: of this refund alone; 0 where only ``total`` is known.
        total: all that was refunded of the payment so far; 0 where it is not known. Where one is told of with ``total``
            alone, what it leaves over the refunds known before is taken.
        asked: the host's ID of the refund, where the host asked for it: it is taken from the account already.
        failed: it did not work out: what was taken is given back.
    """

    reference: str
    payment: str = ""
    topup: str = ""
    amount: int = 0
    total: int = 0
    currency: str = ""
    asked: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Dispute:
    """Who paid says that they did not.

    Attributes:
        reference: names the dispute for ever.
        payment: as in ``Refund``.
        stage: ``opened`` freezes the account; ``withdrawn`` takes the money, below zero where it must; ``reinstated``
            gives it back; ``won`` and ``lost`` end it.
        amount: of the dispute, in minor units.
    """

    reference: str
    stage: Literal["opened", "withdrawn", "reinstated", "won", "lost"]
    payment: str = ""
    topup: str = ""
    amount: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class MeansSaved:
    """Who paid left means that can be charged again. It moves nothing.

    Attributes:
        token: what ``payment_charge`` charges; kept sealed.
        label: as its owner knows it: ``Visa 4242``.
        fingerprint: the same for the same means in other accounts; empty where it is not known.
    """

    topup: str
    token: str = field(repr=False)
    label: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class MeansForgotten:
    """Means can no longer be charged."""

    token: str = field(repr=False)


_Moving = TopUpPaid | DepositPaid | Refund | Dispute
PaymentFact = _Moving | TopUpPending | TopUpClosed | DepositSeen | DepositDropped | MeansSaved | MeansForgotten
"""What a method may tell."""


@dataclass(frozen=True, slots=True)
class VerifiedNotice:
    """A notice whose origin was proved.

    Attributes:
        id: of the event: a second one with the same ID is not looked at again.
        kind: as the method calls it, for people to read.
        facts: what it says, in order; empty for nothing of interest.
    """

    id: str
    kind: str
    facts: Sequence[PaymentFact] = ()


@dataclass(frozen=True, slots=True)
class WatchedAddress:
    """An address that was given to an account.

    Attributes:
        number: by which it was derived.
    """

    address: str
    account: str
    number: int


@dataclass(frozen=True, slots=True)
class PaymentWatch:
    """What a step of a watcher goes on from.

    Attributes:
        cursor: what the step before left; empty at first.
        addresses: all that were given out, by their text.
        seen: deposits that were seen and are neither paid nor dropped.
    """

    cursor: Mapping[str, Any]
    addresses: Mapping[str, WatchedAddress]
    seen: Sequence[DepositSeen]
    now: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What a step of a watcher found. Facts and cursor are kept in one transaction.

    Attributes:
        cursor: where the next step goes on, as JSON takes it.
        again_s: when that is to be; 0 at once.
        delayed: why the method is behind, for customers' page; empty where it is not.
    """

    facts: Sequence[PaymentFact]
    cursor: Mapping[str, Any]
    again_s: float = 5.0
    delayed: str = ""


@dataclass(frozen=True, slots=True)
class AddressHolding:
    """What one address holds of one currency on one network, in minor units; ``least`` is the smallest deposit there.

    Attributes:
        held, credited: what lies there now, and what was credited of deposits before anything was collected.
        path: by which a wallet finds the address: ``m/44'/60'/0'/0/7``; empty where there is none.
    """

    address: str
    network: str
    currency: str
    decimals: int
    held: int
    credited: int = 0
    least: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class HealthLine:
    """One thing that was looked at.

    Attributes:
        text: what was found, and what to do where it is not well.
    """

    what: str
    ok: bool
    text: str = ""
