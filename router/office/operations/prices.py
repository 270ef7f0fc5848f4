"""What models are charged, as operators work on it."""

from __future__ import annotations

from router.money.amounts import format_nano
from router.money.price_text import show_price
from router.money.prices import Price
from router.office import prices as office_prices
from router.office.actor import Actor
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.types.records import Usage

__all__ = ["estimate_call", "remove_price", "set_price", "show_price_of"]


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
        "stored": [{"list": row.price_list or None, "price": show_price(row.price)} for row in found.stored],
    }
    return OperationAnswer(value, found.warnings)


@operation("models price set", "prices:SetPriceForm", writes=True)
def set_price(
    office: Office, actor: Actor, *, model: str, price: Price, price_list: str | None = None
) -> OperationAnswer:
    """Charge a model at a price from now on; it is set as a whole."""
    made = office_prices.set_price(office, actor, model, price, price_list or "")
    value = {
        "model": made.model,
        "list": made.price_list or None,
        "price": show_price(made.price),
        "currency": made.currency,
    }
    return OperationAnswer(value, made.warnings)


@operation("models price remove", "prices:PriceOfForm", writes=True)
def remove_price(office: Office, actor: Actor, *, model: str, price_list: str | None = None) -> OperationAnswer:
    """Forget a price: what it stood before holds again."""
    name = office_prices.remove_price(office, actor, model, price_list or "")
    return OperationAnswer({"model": name, "list": price_list or None, "removed": True})


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
