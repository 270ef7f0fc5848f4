"""What a payment method offers, and the addresses that it gives."""

from __future__ import annotations

from typing import Any

from router.errors import ConfigError, Unavailable, faults
from router.office.payments.methods import PaymentMethods
from router.plugin_host.registry import Registry
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.payment.bench import ACCOUNT, PAYMENT, PaymentBench
from router.testing.conformance.payment.offline import offline
from router.types.payments import AddressHolding, DepositAddress, PaymentOffer, WatchedAddress
from router.types.plugin_context import PluginContext

__all__ = ["addresses", "held", "offers", "way"]

_WAYS = ("redirect", "address", "code")
_NUMBERS = range(12)
_DECIMALS_MAX = 30
_WHOLE = 10**6


@PAYMENT.rule(
    "Y01",
    "Its offer is well-formed, made without the network, and the same each time; or it says what lacks.",
    remedy="Return a PaymentOffer made of the settings alone; raise ConfigError with what the operator has to set.",
)
def offers(bench: PaymentBench) -> None:
    for context in bench.contexts:
        with offline() as tried:
            first, second = (_offered(bench, context) for _ in range(2))
        expect(not tried, f"payment_offer wanted the network: {', '.join(sorted(set(tried)))}")
        expect(first == second, f"asked twice, it offered {first!r} and {second!r}")
        if isinstance(first, PaymentOffer):
            fault = _fault_of(first)
            expect(not fault, f"{first!r}: {fault}")
        elif isinstance(first, str):
            expect(len(first) > 10 and "Traceback" not in first, f"it says of what lacks: {first!r}")


def _offered(bench: PaymentBench, context: PluginContext) -> PaymentOffer | str | None:
    """The offer, or the words of a ``ConfigError``.

    Raises:
        Failed: it gave something else.
    """
    try:
        offer = bench.hook("payment_offer")(context=context, account=ACCOUNT)
    except ConfigError as error:
        return error.message
    except faults() as error:
        raise Failed(f"payment_offer raised {type(error).__name__}: {error}") from error
    if offer is not None and not isinstance(offer, PaymentOffer):
        raise Failed(f"payment_offer returned {offer!r:.200}, and no PaymentOffer")
    return offer


def _fault_of(offer: PaymentOffer) -> str:
    """What is wrong with an offer; empty for nothing."""
    numbers: dict[str, Any] = {
        name: getattr(offer, name) for name in ("decimals", "least", "most", "fee_minor", "fee_millionths")
    }
    wrong = [f"{name} is {value!r}" for name, value in numbers.items() if type(value) is not int or value < 0]
    if wrong:
        return f"{', '.join(wrong)}: whole numbers from 0 on are wanted"
    currency = offer.currency
    checks = {
        f"way is {offer.way!r}, none of {', '.join(_WAYS)}": offer.way in _WAYS,
        "title has nothing to read": offer.title.strip() and offer.title.isprintable(),
        "text does not print": all(one.isprintable() or one == "\n" for one in offer.text),
        f"currency {currency!r} is no name in capital letters": currency.isascii()
        and (currency.isalnum() and currency == currency.upper() if currency else offer.way == "code"),
        f"decimals is above {_DECIMALS_MAX}": offer.decimals <= _DECIMALS_MAX,
        "most is below least": offer.most == 0 or offer.most >= offer.least,
        "the fee is as much as the credit": offer.fee_millionths < _WHOLE,
    }
    return "; ".join(said for said, well in checks.items() if not well)


@PAYMENT.rule(
    "Y02",
    "It has the hook for the way that it offers, and the host takes the offer.",
    remedy="Implement payment_start for redirect, payment_address for address, payment_redeem for code.",
)
def way(bench: PaymentBench) -> None:
    bench.offer()
    name = bench.plugin.name
    state = PaymentMethods([name], Registry([bench.plugin]), lambda _: bench.context).state(name, ACCOUNT)
    expect(state.offer is not None, f"the host does not offer it: {state.problem}")


@PAYMENT.rule(
    "Y10",
    "A number has one address, which no other number has, made without the network and fit to be copied.",
    remedy="Derive the address from the settings and the number alone; nothing else may go into it.",
)
def addresses(bench: PaymentBench) -> None:
    if bench.offer().way != "address":
        raise NotOffered("its way is not address")
    with offline() as tried:
        first = {number: _address(bench, number) for number in _NUMBERS}
        again = {number: _address(bench, number) for number in reversed(_NUMBERS)}
    expect(not tried, f"payment_address wanted the network: {', '.join(sorted(set(tried)))}")
    for number, found in first.items():
        other = again[number].address
        expect(other == found.address, f"number {number} has {found.address!r}, and asked again {other!r}")
        sound = found.address and found.address.isascii() and found.address.isprintable() and " " not in found.address
        expect(sound, f"number {number} has the address {found.address!r}")
        expect(found.networks, f"the address of number {number} is on no network")
    expect(len({one.address for one in first.values()}) == len(first), "two numbers have the same address")


@PAYMENT.rule(
    "Y11",
    "Of what lies on addresses it tells whole amounts, of those addresses alone that it was asked about.",
    remedy="Give an AddressHolding for the addresses of the argument alone; ask no network where there are none.",
)
def held(bench: PaymentBench) -> None:
    hook = bench.hook("payment_holdings")
    bench.offer()
    with offline() as tried:
        found = list(hook(context=bench.context, addresses=[], booked=[]))
    expect(not tried, f"asked about no address, payment_holdings wanted the network: {', '.join(sorted(set(tried)))}")
    expect(not found, f"asked about no address, payment_holdings told of {found[:1]!r:.200}")
    for one in _told_of(bench, hook):
        expect(isinstance(one, AddressHolding), f"payment_holdings told {one!r:.200}, and no AddressHolding")
        numbers = (one.held, one.credited, one.least, one.decimals)
        sound = all(type(value) is int and value >= 0 for value in numbers)
        expect(sound, f"{one!r:.200}: whole numbers from 0 on are wanted")
        expect(one.address == _address(bench, 0).address, f"it told of {one.address!r}, which it was not asked about")


def _told_of(bench: PaymentBench, hook: Any) -> list[Any]:
    """What lies on one address; nothing where the method says that it cannot be found out now."""
    given = WatchedAddress(_address(bench, 0).address, ACCOUNT, 0)
    with offline():
        try:
            return list(hook(context=bench.context, addresses=[given], booked=[]))
        except Unavailable:
            return []


def _address(bench: PaymentBench, number: int) -> DepositAddress:
    found = bench.hook("payment_address")(context=bench.context, account=ACCOUNT, number=number)
    if not isinstance(found, DepositAddress):
        raise Failed(f"payment_address returned {found!r:.200}, and no DepositAddress")
    return found
