"""Prices and margin: what each model costs us and is sold for; what another price would come to, before it is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, fields

from router.errors import BadRequest, ConfigError, Conflict, NotFound
from router.money.amounts import format_nano
from router.money.prices import ALL_RATES, FREE, Price, PriceTier, is_free
from router.office.actor import Actor
from router.office.audit import CHANGED_MEANWHILE, state_of
from router.office.console.finding import price_lists
from router.office.console.model_lines import model_line, model_lines, price_basis
from router.office.console.price_effects import EFFECT_DAYS, price_effect
from router.office.prices import (
    PriceShown,
    list_planned,
    remove_price,
    set_price,
    show_price_of,
    withdraw_price,
)
from router.office.usage import list_margins
from router.portal.operator.actions import ConsoleAction, ReasonForm, action, because, expected
from router.portal.operator.frame import given, nothing_there, show
from router.portal.operator.models import lines_page, matching
from router.portal.web.fields import Amount
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.ranges import range_of
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES", "RATE_NAMES"]

PAGES = PageRoutes()

RATE_NAMES: Mapping[str, str] = {
    "input": "Input, a million tokens",
    "cached_input": "Cached input, a million tokens",
    "cache_write": "Written to a cache, a million tokens",
    "output": "Output, a million tokens",
    "reasoning": "Reasoning, a million tokens",
    "per_image": "An image",
    "per_second": "A second of audio",
    "per_million_characters": "A million characters",
    "per_search": "A search",
    "per_request": "A request",
}
"""Each rate of a price, and what it is for."""

_SERVER_FAULT = 500
_CONFLICT = 409


class _PriceForm(Schema):
    """A price: the rates that are said, or nothing at all."""

    free = fields.Boolean(load_default=False)
    input = Amount(load_default=None)
    cached_input = Amount(load_default=None)
    cache_write = Amount(load_default=None)
    output = Amount(load_default=None)
    reasoning = Amount(load_default=None)
    per_image = Amount(load_default=None)
    per_second = Amount(load_default=None)
    per_million_characters = Amount(load_default=None)
    per_search = Amount(load_default=None)
    per_request = Amount(load_default=None)
    valid_from = fields.DateTime(
        load_default=None, error_messages={"invalid": "Write a time such as 2027-01-31T12:00, or leave it empty."}
    )


class _SavedPriceForm(ReasonForm, _PriceForm):
    """The same to be saved, with its reason."""


class _NoPriceForm(ReasonForm):
    """A price that is to be removed."""

    model = fields.String(required=True)
    price_list = fields.String(load_default="")


class _NoPlanForm(_NoPriceForm):
    """A planned price that is to be withdrawn."""

    valid_from = fields.AwareDateTime(required=True, default_timezone=UTC)


@dataclass(frozen=True)
class _Subject:
    """Whose price is looked at; ``price_list`` empty for everybody's."""

    model: str
    price_list: str
    shown: PriceShown


@PAGES.get("/ops/prices", "operator")
def prices_page(request: PageRequest) -> PageReply:
    """All models with their prices, and what they earned."""
    lines, filtered = matching(request)
    chosen = range_of(request.query, request.zone, request.now)
    return show(
        request,
        "prices.html",
        found=lines_page(request, lines),
        count=len(lines),
        filtered=filtered,
        basis=price_basis(request.office),
        providers=[(one, one) for one in sorted({line.entry.provider for line in model_lines(request.office)})],
        margins={one.model: one for one in list_margins(request.office, chosen.since)},
        planned=list_planned(request.office),
        chosen=chosen,
    )


@PAGES.get("/ops/prices/edit", "operator")
def edit_page(request: PageRequest) -> PageReply:
    """A price as it is; with rates in the address, what they would change."""
    subject = _subject(request)
    if not any(name in request.query for name in ("free", *ALL_RATES)):
        return _edit(request, subject, _as_it_is(subject.shown), None)
    form = load_form(_PriceForm(), request.query)
    price = _price(form, subject.shown) if form.ok else None
    return _edit(request, subject, form, price, 200 if price is not None else 422)


@PAGES.post("/ops/prices/edit", "operator")
def save_price(request: PageRequest) -> PageReply:
    """Charge by a price that was looked at."""
    subject = _subject(request)
    looked = load_form(_PriceForm(), request.form)
    price = _price(looked, subject.shown) if looked.ok else None
    if price is None:
        return _edit(request, subject, looked, None, 422)
    form = load_form(_SavedPriceForm(), request.form)
    if not form.ok:
        return _edit(request, subject, form, price, 422)
    actor, begins = because(request, form.values["reason"]), _begins(request, form)
    try:
        place = (subject.model, price, subject.price_list)
        set_price(request.office, actor, *place, starts_at=begins, expected=expected(request))
    except (BadRequest, NotFound, Conflict, ConfigError) as error:
        if error.code == CHANGED_MEANWHILE:
            subject = _subject(request)  # what holds now, which the next press is about
        form.refuse(error, (*ALL_RATES, "valid_from"))
        return _edit(request, subject, form, price, error.status if error.status < _SERVER_FAULT else _CONFLICT)
    said = "price_set" if begins is None else "price_planned"
    return request.redirect("/ops/prices/edit", said=said, model=subject.model, price_list=subject.price_list)


def _remove(request: PageRequest) -> ConsoleAction:
    model, price_list = given(request, "model"), given(request, "price_list")
    whose = f"the price list {price_list}" if price_list else "everybody"
    says = (f"What {model} is charged for {whose} is what stood before it: the provider's list price, or nothing.",)
    carried = {"model": model, "price_list": price_list}
    return ConsoleAction("Remove a price", "Remove it", "/ops/prices", says, hidden=carried, bad=True)


@action(PAGES, "/ops/prices/remove", _remove, said="price_removed", schema=_NoPriceForm)
def drop_price(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Forget a price."""
    remove_price(request.office, actor, values["model"], values["price_list"])


def _withdraw(request: PageRequest) -> ConsoleAction:
    model, price_list, begins = (given(request, name) for name in ("model", "price_list", "valid_from"))
    whose = f"the price list {price_list}" if price_list else "everybody"
    says = (f"What {model} was to be charged for {whose} from {begins} on is forgotten. What holds now goes on.",)
    carried = {"model": model, "price_list": price_list, "valid_from": begins}
    return ConsoleAction("Withdraw a planned price", "Withdraw it", "/ops/prices", says, hidden=carried, bad=True)


@action(PAGES, "/ops/prices/withdraw", _withdraw, said="price_withdrawn", schema=_NoPlanForm)
def drop_plan(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Forget a planned price."""
    begins = values["valid_from"].timestamp()
    withdraw_price(request.office, actor, values["model"], begins, values["price_list"])


def _begins(request: PageRequest, form: Form) -> float | None:
    """From when a price is to hold, in Unix seconds, as the operator's clock shows it; None: from now on."""
    moment: datetime | None = form.values["valid_from"]
    if moment is None:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=request.zone)).timestamp()


def _subject(request: PageRequest) -> _Subject:
    model, price_list = given(request, "model"), given(request, "price_list")
    try:
        shown = show_price_of(request.office, model, price_list)
    except (NotFound, BadRequest):
        raise nothing_there("such model in the catalogue") from None
    return _Subject(shown.model, price_list, shown)


def _edit(request: PageRequest, subject: _Subject, form: Form, price: Price | None, status: int = 200) -> PageReply:
    return show(
        request,
        "price.html",
        status=status,
        subject=subject,
        shown=subject.shown,
        line=model_line(request.office, subject.model),
        form=form,
        effect=price_effect(request.office, subject.model, price, subject.price_list),
        looked=price is not None,
        state=_state(subject),
        names=RATE_NAMES,
        days=EFFECT_DAYS,
        lists=price_lists(request.office),
        basis=price_basis(request.office),
    )


def _state(subject: _Subject) -> str:
    """What the price is now: one that was looked at beside another is not saved."""
    return state_of(subject.shown.found.price, subject.shown.found.source)


def _as_it_is(shown: PriceShown) -> Form:
    price = shown.found.price
    if price is None:
        return empty_form()
    rates = {name: format_nano(rate) for name in ALL_RATES if (rate := getattr(price, name)) is not None}
    return empty_form(**rates, free="true" if is_free(price) else None)


def _price(form: Form, shown: PriceShown) -> Price | None:
    """The price that a form means; None where it means none, which is said at its fields."""
    values = form.values
    rates = {name: values[name] for name in ALL_RATES if values[name] is not None}
    if values["free"]:
        if any(rates.values()):
            form.errors["free"] = ["A free model has no rates: clear them, or leave this out."]
            return None
        return FREE
    if not rates:
        form.errors["input"] = ["Write what input costs, or that the model is free."]
        return None
    token_rates = ("cached_input", "cache_write", "output", "reasoning")
    if "input" not in rates and any(name in rates for name in token_rates):
        form.errors["input"] = ["Tokens are charged by what input costs: write it, too."]
        return None
    return replace(Price(**rates), tiers=_tiers(shown))


def _tiers(shown: PriceShown) -> tuple[PriceTier, ...]:
    """What the stored price has for long prompts or hours of the day, which this form leaves as it is."""
    kept = shown.found.price
    return kept.tiers if kept is not None and shown.found.source in ("database", "list") else ()
