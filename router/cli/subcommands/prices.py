"""``router models price``: what a model's calls are charged."""

from __future__ import annotations

from typing import Any

import click

from router.cli.support.output import pairs
from router.cli.support.output import table as table_of
from router.cli.support.references import MODEL
from router.cli.support.session import CommandSession, remotely
from router.cli.support.times import FUTURE
from router.money.price_text import read_price
from router.money.prices import ALL_RATES
from router.office.operations import prices as operations
from router.types.offers import TOKENS_MAX

__all__ = ["planned", "price", "price_text"]

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
@click.option("--from", "valid_from", type=FUTURE, metavar="TIME", help="Let it hold from then on: 30d, 2027-01-31.")
@click.option("--withdraw", is_flag=True, help="Forget the price that is planned from --from on.")
@click.option("--remove", is_flag=True, help="Let the price that was set here hold no more.")
@click.option("--estimate", is_flag=True, help="Say what a call of so many tokens would be charged now.")
@click.option("--prompt-tokens", type=_COUNT, default=0, metavar="N", help="For --estimate.")
@click.option("--completion-tokens", type=_COUNT, default=0, metavar="N", help="For --estimate.")
@remotely
def price(
    session: CommandSession,
    model: str,
    free: bool,
    price_list: str,
    valid_from: float | None,
    withdraw: bool,
    remove: bool,
    estimate: bool,
    prompt_tokens: int,
    completion_tokens: int,
    **written: str | None,
) -> None:
    """Show what MODEL is charged, and where that is set; or set it, or say what a call would be charged.

    A price is set as a whole: what is not given is not kept. It wins over the provider's list price, and a price in
    router.toml over it. With --from it holds from a moment to come (a date is its first moment in UTC), in all workers
    and without a restart; `router models planned` lists what is to come.
    """
    table: dict[str, Any] = {name.rstrip("_"): text for name, text in written.items() if text is not None}
    if free:
        table["free"] = True
    if bool(table) + remove + estimate + withdraw > 1:
        raise click.UsageError("give only one of: a price, --remove, --withdraw, --estimate")
    if withdraw and valid_from is None:
        raise click.UsageError("--withdraw goes with --from; `router models planned` lists what is to hold from when")
    if valid_from is not None and not table and not withdraw:
        raise click.UsageError("--from goes with a price that is to hold from then on, or with --withdraw")
    if estimate != bool(prompt_tokens or completion_tokens):
        raise click.UsageError("--estimate goes with --prompt-tokens and --completion-tokens")
    if remove:
        _remove(session, model, price_list)
    elif withdraw:
        _withdraw(session, model, price_list, valid_from)
    elif table:
        _set(session, model, table, price_list, valid_from)
    elif estimate:
        _estimate(session, model, price_list, prompt_tokens, completion_tokens)
    else:
        _show(session, model, price_list)


def price_text(shown: dict[str, Any] | None) -> str | None:
    """A price in one line: ``input 2.5; output 10``."""
    if shown is None:
        return None
    if all(shown.get(name, "0") == "0" for name in ALL_RATES) and "tiers" not in shown:
        return "free"
    parts = [f"{name} {shown[name]}" for name in ALL_RATES if name in shown]
    for tier in shown.get("tiers", ()):
        when = [f"above {tier['above_tokens']} tokens"] if "above_tokens" in tier else []
        when += [", ".join(tier[name]) for name in ("hours", "sizes", "qualities") if name in tier]
        parts.append(f"({'; '.join(when)}: {', '.join(f'{name} {tier[name]}' for name in ALL_RATES if name in tier)})")
    return "; ".join(parts)


@click.command()
@remotely
def planned(session: CommandSession) -> None:
    """Prices that are to hold from a moment on, the soonest first."""
    rows = session.run(operations.list_planned)
    columns = {"valid_from": "FROM", "model": "MODEL", "list": "LIST", "price": "PRICE (PER MILLION TOKENS)"}
    shown = [{**row, "list": row["list"] or "all", "price": price_text(row["price"])} for row in rows]
    session.show(rows, table_of(shown, columns, empty="No price is planned: `router models price MODEL --from TIME`."))


def _set(session: CommandSession, model: str, table: dict[str, Any], price_list: str, valid_from: float | None) -> None:
    try:
        new = read_price(table)
    except ValueError as error:
        option, colon, rest = str(error).partition(":")
        raise click.UsageError(f"--{option.replace('_', '-')}{colon}{rest}") from None
    value = session.run(
        operations.set_price, model=model, price=new, price_list=price_list or None, valid_from=valid_from
    )
    whose = f" for the price list {price_list}" if price_list else ""
    told = f"{price_text(value['price'])} {value['currency']}, tokens per million."
    begins = value["valid_from"]
    verb = "is charged" if begins is None else f"is to be charged from {begins} on"
    session.show(value, f"{value['model']} {verb}{whose}: {told}")


def _withdraw(session: CommandSession, model: str, price_list: str, valid_from: float | None) -> None:
    value = session.run(operations.withdraw_price, model=model, price_list=price_list or None, valid_from=valid_from)
    session.show(value, f"The price of {value['model']} that was planned from {value['valid_from']} on is withdrawn.")


def _remove(session: CommandSession, model: str, price_list: str) -> None:
    value = session.run(operations.remove_price, model=model, price_list=price_list or None)
    name = value["model"]
    session.show(value, f"The price of {name} holds no more; `router models price {name}` says what holds now.")


def _show(session: CommandSession, model: str, price_list: str) -> None:
    value = session.run(operations.show_price_of, model=model, price_list=price_list or None)
    texts: dict[str, Any] = {name: price_text(value[name]) for name in ("price", "cost", "list_price_usd")}
    texts["stored"] = [f"{row['list'] or 'all'}: {price_text(row['price'])}" for row in value["stored"]]
    for name in ("planned", "history"):
        texts[name] = [
            f"from {row['valid_from']}, {row['list'] or 'all'}: {price_text(row['price']) or 'removed'}"
            for row in value[name]
        ]
    session.show(value, pairs({**value, **texts}))


def _estimate(session: CommandSession, model: str, price_list: str, prompt_tokens: int, completion_tokens: int) -> None:
    tokens = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    value = session.run(operations.estimate_call, model=model, price_list=price_list or None, **tokens)
    session.show(value, pairs(value))
