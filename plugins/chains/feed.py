"""What a network's own coin is worth, by Chainlink's feed on that network."""

from __future__ import annotations

from router_plugins.chains.network import Coin
from router_plugins.chains.nodes import Node, asked_of

from router.money import NANO, format_nano

__all__ = ["NoPrice", "usd_price"]

_LATEST_ROUND_DATA = "0xfeaf968c"
_DECIMALS = "0x313ce567"
_WORDS = 5  # round, answer, started, updated, answered in


class NoPrice(Exception):
    """The feed says nothing that a credit could stand on."""


def usd_price(node: Node, coin: Coin, now: float) -> str:
    """Decimal text: USD for one coin.

    Raises:
        NoPrice: it is too old, not above zero, or none at all.
        NodeFault: the node does not answer.
    """
    answer = node.call("eth_call", *asked_of(coin.feed, _LATEST_ROUND_DATA))
    decimals = node.call("eth_call", *asked_of(coin.feed, _DECIMALS))
    try:
        words = [int(answer[2 + 64 * place : 66 + 64 * place], 16) for place in range(_WORDS)]
        places = int(decimals, 16)
    except (TypeError, ValueError):
        raise NoPrice(f"{coin.feed} is no price feed") from None
    price, updated = words[1], words[3]
    if price >> 255 or not price:  # below zero in two's complement
        raise NoPrice(f"the feed of {coin.name} tells a price that is not above zero")
    if not now - coin.feed_age_s <= updated <= now + coin.feed_age_s:
        raise NoPrice(f"the feed of {coin.name} was last written {round(now - updated)} s ago")
    if places > 18:
        raise NoPrice(f"the feed of {coin.name} has {places} decimals")
    return format_nano(price * NANO // 10**places)  # the host takes nine decimals
