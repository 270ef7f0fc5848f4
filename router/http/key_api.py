"""What a key may ask of itself and its account: in the dialect's shapes, and in those of DeepSeek and of one-api."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from router.charging.key_views import KeyBooks
from router.errors import BadRequest, Forbidden
from router.money.amounts import format_nano
from router.types.dialect import Dialect
from router.types.key_views import CreditsView, KeyView
from router.types.keys import Key

__all__ = ["KeyApi", "encode_exact", "key_api_paths", "subscription", "total_usage", "user_balance"]

_BALANCE, _SUBSCRIPTION, _USAGE = "/user/balance", "/dashboard/billing/subscription", "/dashboard/billing/usage"
_ID_MAX = 128
_CENTS = 100

encode_exact = msgspec.json.Encoder(decimal_format="number").encode
"""JSON, in which a ``Decimal`` is a number, digit by digit."""

Asked = Callable[[Key, Mapping[str, str]], Any]


def key_api_paths(dialect: Dialect) -> dict[str, str]:
    """Path -> what it shows: ``generation``, ``key``, ``credits``, ``balance``, ``subscription`` or ``usage``."""
    found = dict.fromkeys(dialect.generation_paths, "generation") | dict.fromkeys(dialect.key_paths, "key")
    if dialect.credits_paths:
        found |= dict.fromkeys(dialect.credits_paths, "credits")
        found |= {_BALANCE: "balance", _SUBSCRIPTION: "subscription", _USAGE: "usage"}
    return found


class KeyApi:
    """Answers what a key asks. One per application."""

    def __init__(self, dialect: Dialect, books: KeyBooks) -> None:
        self._paths = key_api_paths(dialect)
        self._asked: Mapping[str, Asked] = {
            "generation": lambda key, query: dialect.generation(books.generation(key, _id_in(query))),
            "key": lambda key, query: dialect.key_status(books.status(key)),
            "credits": lambda key, query: dialect.credits(books.credits(key)),
            "balance": lambda key, query: user_balance(books.credits(key)),
            "subscription": lambda key, query: subscription(books.credits(key), books.status(key)),
            "usage": lambda key, query: total_usage(books.credits(key), books.status(key)),
        }

    def routes(self) -> Iterator[tuple[str, Callable[[Key, Mapping[str, str]], bytes]]]:
        """Each path, and what answers there: from the key and the query to JSON."""
        for path, what in self._paths.items():
            yield path, self._answering(self._asked[what], of_account=what != "key")

    def _answering(self, asked: Asked, *, of_account: bool) -> Callable[[Key, Mapping[str, str]], bytes]:
        def answer(key: Key, query: Mapping[str, str]) -> bytes:
            if of_account and key.kind == "operator":
                raise Forbidden(
                    "An operator's key has no account, which this would be about.", code="key_of_no_account"
                )
            return encode_exact(asked(key, query))

        return answer


def user_balance(credits: CreditsView) -> dict[str, Any]:
    """The balance in DeepSeek's shape; amounts are decimal text."""
    amounts = {
        "total_balance": format_nano(credits.balance_nano, 2),
        "granted_balance": format_nano(credits.granted_nano, 2),
        "topped_up_balance": format_nano(credits.balance_nano - credits.granted_nano, 2),
    }
    return {
        "is_available": credits.balance_nano > credits.held_nano,
        "balance_infos": [{"currency": credits.currency, **amounts}],
    }


def subscription(credits: CreditsView, status: KeyView) -> dict[str, Any]:
    """The key's budget, or all that was credited, in one-api's shape: what clients take ``total_usage`` off.

    In the balance's currency, whatever the names of the fields say.
    """
    budget = status.key.budget
    limit = Decimal(format_nano(credits.credits_nano if budget is None else budget.amount_nano))
    return {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": limit,
        "hard_limit_usd": limit,
        "system_hard_limit_usd": limit,
        "access_until": int(status.key.expires_at or 0),
    }


def total_usage(credits: CreditsView, status: KeyView) -> dict[str, Any]:
    """What is gone of what ``subscription`` shows, in hundredths of the currency's unit, in one-api's shape."""
    budget, left = status.key.budget, status.remaining_nano
    used = credits.used_nano if budget is None or left is None else budget.amount_nano - left
    return {"object": "list", "total_usage": Decimal(format_nano(used * _CENTS))}


def _id_in(query: Mapping[str, str]) -> str:
    """Raises:
    BadRequest: the query names no ID.
    """
    found = query.get("id", "")
    if not found or len(found) > _ID_MAX:
        raise BadRequest("Which call? Add ?id= and the x-request-id of its answer.", code="missing_id", param="id")
    return found
