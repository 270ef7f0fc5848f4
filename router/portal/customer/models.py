"""Models and what they cost: what ``GET /v1/models`` lists, for everybody, and one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from router.config.provider import CAPABILITIES
from router.errors import Forbidden, NotFound, Unavailable
from router.money.prices import UNIT_RATES, Price
from router.office.accounts import get_account
from router.portal.customer.own import nothing_here
from router.portal.web.examples import examples_of
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.types.keys import Key
from router.types.offers import Listed

__all__ = ["PAGES", "listed_models"]

PAGES = PageRoutes()

_SEARCH_MAX = 100
_UNKNOWN = 10**30  # what has no such figure stands at the end


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which models, and in which order.

    Attributes:
        words: each stands in the ID, the name or the maker; empty for all.
        kind, maker, can: of a model; empty for any.
        sort: a name in ``_ORDERS``; ``""`` leaves the list's own order, which is that of the API.
        down: whether the largest comes first.
    """

    words: Sequence[str]
    kind: str
    maker: str
    can: str
    sort: str
    down: bool

    @property
    def filtered(self) -> bool:
        """Whether anything is left out on purpose."""
        return bool(self.words or self.kind or self.maker or self.can)

    def takes(self, one: Listed) -> bool:
        """Whether a model is one of these."""
        text = f"{one.id} {_name_of(one)} {one.owned_by}".casefold()
        return (
            all(word in text for word in self.words)
            and self.kind in ("", one.card.kind)
            and self.maker in ("", one.owned_by)
            and (not self.can or self.can in _abilities(one))
        )


def _rate(name: str) -> Callable[[Listed], Any]:
    def rate(one: Listed) -> int:
        found = getattr(one.price, name, None)
        return _UNKNOWN if found is None else int(found)

    return rate


_ORDERS: Mapping[str, Callable[[Listed], Any]] = {
    "id": lambda one: one.id.casefold(),
    "maker": lambda one: one.owned_by.casefold(),
    "context": lambda one: one.context_window or 0,
    "input": _rate("input"),
    "cached": _rate("cached_input"),
    "output": _rate("output"),
}


@PAGES.get("/models", "public")
def to_models(request: PageRequest) -> PageReply:
    """Where browsers look for models first."""
    return request.redirect("/app/models")


@PAGES.get("/app/models", "public")
def models_page(request: PageRequest) -> PageReply:
    """All that can be called."""
    listed, wanted = listed_models(request), _wanted(request)
    found = [one for one in listed if wanted.takes(one)]
    if wanted.sort:
        found.sort(key=_ORDERS[wanted.sort], reverse=wanted.down)
    return request.render(
        "customer/models.html",
        member=request.is_member,
        models=found,
        all=len(listed),
        wanted=wanted,
        kinds=sorted({one.card.kind for one in listed} - {""}),
        makers=sorted({one.owned_by for one in listed} - {""}, key=str.casefold),
        can=[one for one in CAPABILITIES if any(one in _abilities(model) for model in listed)],
        beside=any(one.unit_prices for one in found),
        **_words(),
    )


@PAGES.get("/app/models/<path:model_id>", "public")
def model_page(request: PageRequest) -> PageReply:
    """One model."""
    try:
        one = request.site.assembly.lister.one(_key(request), request.params["model_id"])
    except (Forbidden, NotFound, Unavailable):
        raise nothing_here(request) from None
    shown: dict[str, Any] = {"member": request.is_member, "model": one, "rates": _rates(one.price), "rates_of": _rates}
    shown["examples"] = examples_of(request.site.brand, one.id, one.card.kind)
    return request.render("customer/model.html", **shown, **_words())


def listed_models(request: PageRequest) -> Sequence[Listed]:
    """What a key of the workspace that is looked at can call, and a visitor's first key could."""
    return request.site.assembly.lister.served(_key(request))


def _name_of(one: Listed) -> str:
    """What people call a model; its ID where nobody has said."""
    return (one.offer.display_name if one.offer is not None else "") or one.id


def _abilities(one: Listed) -> Sequence[str]:
    """What a model takes besides text, and does besides answering."""
    reasons = one.card.reasoning and "reasoning" not in one.card.capabilities
    return (*one.card.capabilities, "reasoning") if reasons else one.card.capabilities


def _retires_at(one: Listed) -> float | None:
    """When the day begins from which a model is to be had no more, in UTC; None where that is not known."""
    if not one.card.retires:
        return None
    return datetime.combine(date.fromisoformat(one.card.retires), time(), UTC).timestamp()


def _words() -> Mapping[str, Any]:
    return {"name_of": _name_of, "abilities": _abilities, "retires_at": _retires_at, "utc": UTC}


def _key(request: PageRequest) -> Key:
    """A key without a scope, at the workspace's prices."""
    account = request.account_id if request.is_member else ""
    return Key("", account, price_list=get_account(request.office, account).price_list if account else "")


def _wanted(request: PageRequest) -> _Wanted:
    query = request.query
    sort = query.get("sort", "")
    down = sort.startswith("-")
    return _Wanted(
        query.get("q", "")[:_SEARCH_MAX].casefold().split(),
        query.get("kind", ""),
        query.get("maker", ""),
        query.get("can", ""),
        sort.lstrip("-") if sort.lstrip("-") in _ORDERS else "",
        down,
    )


def _rates(price: Price | None) -> list[tuple[Any, Mapping[str, int]]]:
    """What holds: (the tier, or None for the price itself; what it charges by the names of rates)."""
    if price is None:
        return []
    names = ("input", "cached_input", "cache_write", "output", "reasoning", *UNIT_RATES)

    def given(holder: Any) -> dict[str, int]:
        return {name: rate for name in names if (rate := getattr(holder, name)) is not None}

    return [(None, given(price)), *((tier, given(tier)) for tier in price.tiers)]
