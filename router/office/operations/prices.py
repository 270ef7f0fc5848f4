"""What models are charged, as operators work on it."""

from __future__ import annotations

from typing import Any

from router.money.amounts import format_nano
from router.money.price_text import show_price
from router.money.prices import Price
from router.office import prices as office_prices
from router.office.actor import Actor
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.office.prices import PriceRow
from router.types.periods import iso_time
from router.types.records import Usage

__all__ = ["estimate_call", "list_planned", "remove_price", "set_price", "show_price_of", "withdraw_price"]


@operation("models price show", "prices:PriceOfForm")
def show_price_of(office: Office, *, model: str, price_list: str | None = None) -> OperationAnswer:
    """What a model is charged, and where that is set."""
    found = office_prices.show_price_of(office, model, price_list or "")
    all_prices = {"price": found.found.price, "cost": found.cost, "list_price_usd": found.list_price_usd}
    value = {
        "model": found.model,
        "currency": found.currency,
        "source": found.found.source,
        "where": found.where,
        **{name: show_price(one) if one is not None else None for name, one in all_prices.items()},
        **{name: [_told(row) for row in getattr(found, name)] for name in ("stored", "planned", "history")},
    }
    return OperationAnswer(value, found.warnings)


@operation("models planned", "form:NothingForm")
def list_planned(office: Office) -> OperationAnswer:
    """Every price that is to hold from a moment on, the soonest first."""
    return OperationAnswer([{"model": row.model, **_told(row)} for row in office_prices.list_planned(office)])


@operation("models price set", "prices:SetPriceForm", writes=True)
def set_price(
    office: Office,
    actor: Actor,
    *,
    model: str,
    price: Price,
    price_list: str | None = None,
    valid_from: float | None = None,
) -> OperationAnswer:
    """Charge a model at a price from now on, or from a moment to come; it is set as a whole."""
    made = office_prices.set_price(office, actor, model, price, price_list or "", starts_at=valid_from)
    value = {
        "model": made.model,
        "list": made.price_list or None,
        "price": show_price(made.price),
        "currency": made.currency,
        "valid_from": iso_time(made.starts_at),
    }
    return OperationAnswer(value, made.warnings)


@operation("models price remove", "prices:PriceOfForm", writes=True)
def remove_price(office: Office, actor: Actor, *, model: str, price_list: str | None = None) -> OperationAnswer:
    """Let a price hold no more: what it stood before holds again; what is planned stays."""
    name = office_prices.remove_price(office, actor, model, price_list or "")
    return OperationAnswer({"model": name, "list": price_list or None, "removed": True})


@operation("models price withdraw", "prices:PlannedPriceForm", writes=True)
def withdraw_price(
    office: Office, actor: Actor, *, model: str, valid_from: float, price_list: str | None = None
) -> OperationAnswer:
    """Forget a price that is planned from a moment on."""
    row = office_prices.withdraw_price(office, actor, model, valid_from, price_list or "")
    return OperationAnswer({"model": row.model, **_told(row), "withdrawn": True})


def _told(row: PriceRow) -> dict[str, Any]:
    price = None if row.price is None else show_price(row.price)
    return {"list": row.price_list or None, "price": price, "valid_from": iso_time(row.starts_at)}


@operation("models price estimate", "prices:EstimateForm")
def estimate_call(
    office: Office,
    *,
    model: str,
    price_list: str | None = None,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
) -> OperationAnswer:
    """What a call of so many tokens would be charged now."""
    usage = Usage(prompt_tokens or 0, completion_tokens or 0)
    found = office_prices.estimate_call(office, model, usage, price_list or "")
    estimate = found.estimate
    value = {
        "model": estimate.model,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "input": format_nano(estimate.input_nano),
        "output": format_nano(estimate.output_nano),
        "units": format_nano(estimate.units_nano),
        "charge": format_nano(estimate.total_nano),
        "hold": format_nano(estimate.hold_nano),
        "cost": None if found.cost_nano is None else format_nano(found.cost_nano),
        "currency": estimate.currency,
    }
    return OperationAnswer(value, found.warnings)
