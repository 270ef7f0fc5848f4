"""``router models price``: what a model's calls are charged."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import click

from router.catalogue.prices import Found, PriceBook
from router.charging.estimator import TOKENS_MAX, Place
from router.cli.support.output import pairs
from router.cli.support.references import MODEL
from router.cli.support.session import CommandSession, common
from router.errors import BadRequest, ConfigError, Unavailable
from router.money.amounts import format_nano
from router.money.price_text import read_price, show_price
from router.money.prices import ALL_RATES, Price, is_complete, is_free, rates, request_of
from router.store.prices import list_prices, remove_price, set_price
from router.types.records import ModelCard, Usage

__all__ = ["price", "price_text", "shown_price"]

_COUNT = click.IntRange(0, TOKENS_MAX)


@click.command()
@click.argument("model", type=MODEL, metavar="MODEL")
@click.option("--input", "input_", metavar="AMOUNT", help="Per million tokens of input, in the balance currency.")
@click.option("--cached-input", metavar="AMOUNT", help="Of input from the provider's cache; that of input if omitted.")
@click.option("--cache-write", metavar="AMOUNT", help="Of input written to it; that of input if omitted.")
@click.option("--output", metavar="AMOUNT", help="Per million tokens of output.")
@click.option("--reasoning", metavar="AMOUNT", help="Of reasoning; that of output if omitted.")
@click.option("--per-request", metavar="AMOUNT", help="For each call, beside its tokens.")
@click.option("--per-image", metavar="AMOUNT", help="For an image.")
@click.option("--per-second", metavar="AMOUNT", help="For a second of audio; milliseconds are charged exactly.")
@click.option("--per-million-characters", metavar="AMOUNT", help="For a million characters of speech.")
@click.option("--per-search", metavar="AMOUNT", help="For a search.")
@click.option("--free", is_flag=True, help="Charge nothing.")
@click.option("--list", "price_list", default="", metavar="NAME", help="For the accounts of this price list alone.")
@click.option("--remove", is_flag=True, help="Forget the price that was set here.")
@click.option("--estimate", is_flag=True, help="Say what a call of so many tokens would be charged now.")
@click.option("--prompt-tokens", type=_COUNT, default=0, metavar="N", help="For --estimate.")
@click.option("--completion-tokens", type=_COUNT, default=0, metavar="N", help="For --estimate.")
@common
def price(
    session: CommandSession,
    model: str,
    free: bool,
    price_list: str,
    remove: bool,
    estimate: bool,
    prompt_tokens: int,
    completion_tokens: int,
    **written: str | None,
) -> None:
    """Show what MODEL is charged, and where that is set; or set it, or say what a call would be charged.

    A price is set as a whole: what is not given is not kept. It wins over the provider's list price, and a price in
    router.toml over it.
    """
    table: dict[str, Any] = {name.rstrip("_"): text for name, text in written.items() if text is not None}
    if free:
        table["free"] = True
    if bool(table) + remove + estimate > 1:
        raise click.UsageError("give only one of: a price, --remove, --estimate")
    if estimate != bool(prompt_tokens or completion_tokens):
        raise click.UsageError("--estimate goes with --prompt-tokens and --completion-tokens")
    if remove:
        _remove(session, model, price_list)
        return
    place = _place(session, model)
    if table:
        _set(session, place, table, price_list)
    elif estimate:
        _estimate(session, place, price_list, Usage(prompt_tokens, completion_tokens))
    else:
        _show(session, place, price_list)


def shown_price(book: PriceBook, model_id: str, provider: str, card: ModelCard) -> dict[str, Any] | None:
    """What everybody is charged for a model, as decimal texts; None where it has no price."""
    found = book.charge(model_id, provider, card)
    return None if found is None else show_price(found)


def price_text(shown: dict[str, Any] | None) -> str | None:
    """A price in one line: ``input 2.5; output 10``."""
    if shown is None:
        return None
    if all(shown.get(name, "0") == "0" for name in ALL_RATES) and "tiers" not in shown:
        return "free"
    parts = [f"{name} {shown[name]}" for name in ALL_RATES if name in shown]
    for tier in shown.get("tiers", ()):
        when = [f"above {tier['above_tokens']} tokens"] if "above_tokens" in tier else []
        when += [", ".join(tier["hours"])] if "hours" in tier else []
        parts.append(f"({'; '.join(when)}: {', '.join(f'{name} {tier[name]}' for name in ALL_RATES if name in tier)})")
    return "; ".join(parts)


def _place(session: CommandSession, model: str) -> Place:
    """Raises:
    ModelNotFound: naming the nearest IDs.
    BadRequest: it is an alias.
    """
    assembly = session.assembly
    snapshot = assembly.catalogue.snapshot()
    if model not in snapshot.entries and model in snapshot.aliases:
        raise BadRequest(f"{model!r} is an alias, and is charged as what it means: name {snapshot.aliases[model]!r}.")
    entry = snapshot.entries.get(model)
    if entry is not None:
        return Place(entry.id, entry.provider, entry.card)
    try:
        target = assembly.resolver.route(model).targets[0]
    except Unavailable as error:
        name, _, bare = model.partition("/")
        provider = assembly.providers.get(name)
        card = next((card for card in provider.cards() if card.model == bare), None) if provider else None
        if card is None:
            raise
        session.note(f"warning: {error.in_full}")
        return Place(model, name, card)
    return Place(target.id, target.provider.name, target.card)


def _set(session: CommandSession, place: Place, table: dict[str, Any], price_list: str) -> None:
    model_id, provider, card = place
    try:
        new = read_price(table)
    except ValueError as error:
        option, colon, rest = str(error).partition(":")
        raise click.UsageError(f"--{option.replace('_', '-')}{colon}{rest}") from None
    if not is_free(new) and not is_complete(new, card.kind or "embeddings"):
        raise BadRequest(f"{model_id!r} serves {card.kind}: give --output as well.")
    _refuse_pinned(session, model_id, provider, card)
    set_price(session.database, model_id, new, price_list)
    if not is_free(new) and not is_complete(new, card.kind or "chat"):
        session.note(f"warning: without --output {model_id} is sold for embeddings alone; chat calls are refused.")
    shown, currency = show_price(new), session.currency
    value = {"model": model_id, "list": price_list or None, "price": shown, "currency": currency}
    whose = f" for the price list {price_list}" if price_list else ""
    session.show(value, f"{model_id} is charged{whose}: {price_text(shown)} {currency}, tokens per million.")


def _remove(session: CommandSession, model: str, price_list: str) -> None:
    stored = {(row.price_list, row.model) for row in list_prices(session.database)}
    if (price_list, model) not in stored:  # a model that is gone can still be named as it stands there
        model = _place(session, model)[0]
    remove_price(session.database, model, price_list)
    value = {"model": model, "list": price_list or None, "removed": True}
    session.show(value, f"The price of {model} is forgotten; `router models price {model}` says what holds now.")


def _refuse_pinned(session: CommandSession, model_id: str, provider: str, card: ModelCard) -> None:
    found = session.assembly.catalogue.snapshot().prices.explain(model_id, provider, card)
    if found.source == "pin":
        where = session.settings.where(f"prices.{found.name}")
        raise ConfigError(f"{where}: the price is fixed there, which wins over the database: change it in that file")


def _show(session: CommandSession, place: Place, price_list: str) -> None:
    model_id, provider, card = place
    book = session.assembly.catalogue.snapshot().prices
    found = book.explain(model_id, provider, card, price_list)
    names = (model_id, f"{provider}/{card.model}")
    all_prices = {"price": found.price, "cost": book.cost(card), "list_price_usd": card.price}
    shown = {name: show_price(one) if one is not None else None for name, one in all_prices.items()}
    stored = [
        {"list": row.price_list or None, "price": show_price(row.price)}
        for row in list_prices(session.database)
        if row.model in names
    ]
    value = {
        "model": model_id,
        "currency": book.currency,
        "source": found.source,
        "where": _where(session, found, book, model_id, card),
        **shown,
        "stored": stored,
    }
    texts: dict[str, Any] = {name: price_text(one) for name, one in shown.items()}
    texts["stored"] = [f"{row['list'] or 'all'}: {price_text(row['price'])}" for row in stored]  # type: ignore[arg-type]
    session.show(value, pairs({**value, **texts}))


def _where(session: CommandSession, found: Found, book: PriceBook, model_id: str, card: ModelCard) -> str:
    if found.source == "pin":
        return session.settings.where(f"prices.{found.name}")
    if found.source == "unpriced":
        if book.lacks_rate(model_id, card):
            return f"no rate of USD to {book.currency} is known: set [billing] usd_rate, or give --input and --output"
        return "calls are refused: give --input and --output, or --free"
    return {
        "list": "the account's price list, in the database",
        "database": "the database",
        "profile": "the profile's catalogue, times the rate of USD",
        "card": "the provider's list price, times [billing] markup and the rate of USD",
    }[found.source]


def _estimate(session: CommandSession, place: Place, price_list: str, usage: Usage) -> None:
    assembly = session.assembly
    try:
        places = assembly.estimator.places(place.id)
    except Unavailable:
        places = [place]
    estimate = assembly.estimator.of_counts(place.id, places, usage.prompt_tokens, usage.completion_tokens, price_list)
    cost = assembly.catalogue.snapshot().prices.cost(place.card)
    value = {
        "model": place.id,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "input": format_nano(estimate.input_nano),
        "output": format_nano(estimate.output_nano),
        "units": format_nano(estimate.units_nano),
        "charge": format_nano(estimate.total_nano),
        "hold": format_nano(estimate.hold_nano),
        "cost": _comes_to(cost, replace(usage, units=request_of(cost))) if cost is not None else None,
        "currency": estimate.currency,
    }
    session.show(value, pairs(value))


def _comes_to(price: Price, usage: Usage) -> str:
    return format_nano(rates(price, time.time(), usage.prompt_tokens).charge_nano(usage))
