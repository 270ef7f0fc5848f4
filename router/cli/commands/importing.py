"""``router import``: customers and models of another gateway, taken over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from router.cli.support.groups import Commands
from router.cli.support.output import table
from router.cli.support.session import CommandSession, common
from router.cli.support.values import AMOUNT
from router.errors import BadRequest
from router.office.importing.bringing import bring
from router.office.importing.litellm_config import find_in_config
from router.office.importing.litellm_rows import find_in_litellm
from router.office.importing.new_api_rows import find_in_new_api
from router.office.importing.openrouter_list import find_in_list
from router.office.importing.records import FoundElsewhere

__all__ = ["import_"]

_COLUMNS = {"kind": "KIND", "source": "THERE", "id": "HERE", "detail": "WHAT"}
_LIST_BYTES_MAX = 64_000_000
_LIST_S = (10.0, 60.0)


@click.group("import", cls=Commands)
def import_() -> None:
    """Customers and models of another gateway, taken over.

    All is one transaction, and may be done again: what was taken over before stays as it is here. Where a row cannot be
    taken over nothing is changed, exit status 1, unless --skip-bad.
    """


def _taking(function: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option("--skip-bad", is_flag=True, help="Do the rest where rows cannot be taken over."),
        click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    ):
        function = option(function)
    return function


def _paying(function: Callable[..., int]) -> Callable[..., int]:
    for option in (
        click.option(
            "--usd-rate", type=AMOUNT, metavar="AMOUNT", help="One USD in the balance currency, where that is another."
        ),
        click.option(
            "--label",
            default="",
            metavar="NAME",
            help="Tells two gateways of one program apart; the same each time.  [default: the program's name]",
        ),
    ):
        function = option(function)
    return function


@import_.command()
@click.argument("source", metavar="FILE|URL")
@click.option("--provider", "given", multiple=True, metavar="PREFIX=NAME", help="Which provider here serves PREFIX/...")
@_paying
@_taking
@common
def litellm(
    session: CommandSession, source: str, given: tuple[str, ...], label: str, usd_rate: int | None, **how: Any
) -> int:
    """LiteLLM: models of its config.yaml (FILE), or teams, users and keys of its PostgreSQL database (URL).

    Keys go on working: both keep the SHA-256 of their text. What is left of a budget without a period becomes credit;
    prices of a token become the model's cost. URL may be env:NAME.
    """
    url = _revealed(session, source)
    if "://" in url:
        if not url.startswith("postgres"):
            raise click.UsageError(
                "LiteLLM's database is PostgreSQL: give postgresql://..., or the file of its config.yaml"
            )
        session.progress("reading")
        found = find_in_litellm(url, session.config.absolute().parent)
    else:
        providers = {name: name for name in session.office.providers} | dict(map(_pair, given))
        found = find_in_config(Path(url), providers)
    return _brought(session, found, label=label, usd_rate_nano=usd_rate, **how)


@import_.command("new-api")
@click.argument("source", metavar="URL")
@_paying
@_taking
@common
def new_api(session: CommandSession, source: str, label: str, usd_rate: int | None, **how: Any) -> int:
    """New API: users and their tokens, of its database (sqlite:///FILE or postgresql://..., env:NAME as well).

    Clients go on with their keys, sk- and the token. A user's quota becomes credit, a token's what it may spend.
    """
    session.progress("reading")
    found = find_in_new_api(_revealed(session, source), session.config.absolute().parent)
    return _brought(session, found, label=label, usd_rate_nano=usd_rate, **how)


@import_.command()
@click.argument("source", metavar="FILE|URL")
@click.option("--provider", default="openrouter", show_default=True, metavar="NAME", help="Who serves them here.")
@_taking
@common
def openrouter(session: CommandSession, source: str, provider: str, **how: Any) -> int:
    """OpenRouter's list of models, with windows and prices, as models of a configured provider: NAME/ID.

    What it charges becomes the model's cost, which calls are charged times the mark-up where no price is set.
    """
    return _brought(session, find_in_list(_content(source), provider), **how)


def _brought(session: CommandSession, found: FoundElsewhere, **how: Any) -> int:
    session.progress(f"{len(found.accounts)} accounts, {len(found.keys)} keys, {len(found.models)} models")
    brought = bring(session.office, session.actor, found, **how)
    made = [asdict(row) for row in brought.made]
    bad, left, notes = ([asdict(row) for row in rows] for rows in (brought.bad, brought.left, brought.notes))
    value = {"applied": brought.applied, "made": made, "known": brought.known, "bad": bad, "left": left, "notes": notes}
    session.show(value, table(made, _COLUMNS, empty="Nothing is new."))
    told = (("taken over", brought.notes), ("left out", brought.left), ("cannot be taken over", brought.bad))
    for kind, rows in told:
        for row in rows:
            session.note(f"{kind}: {row.source}: {row.reason}")
    if brought.known:
        session.note(f"{brought.known} row(s) were here already.")
    if brought.applied:
        return 0
    refused = bool(bad) and not how.get("skip_bad")
    session.note("Nothing was changed" + (": mend the rows, or give --skip-bad." if refused else "."))
    return 1 if refused else 0


def _revealed(session: CommandSession, source: str) -> str:
    text = session.settings.secret(source).reveal()
    if not text:
        raise click.UsageError(f"{source or 'the source'} is empty: set the variable, or give the URL")
    return text


def _pair(text: str) -> tuple[str, str]:
    prefix, equals, name = text.partition("=")
    if not equals or not prefix or not name:
        raise click.UsageError(f"--provider: {text!r} is no PREFIX=NAME")
    return prefix, name


def _content(source: str) -> bytes:
    if not source.startswith(("https://", "http://")):
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise BadRequest(f"{source} cannot be read: {error.strerror}.") from None
    import requests

    from router.cli.support.own_gateway import why_no_answer

    try:
        with requests.get(source, timeout=_LIST_S, stream=True) as answer:
            answer.raise_for_status()
            content = answer.raw.read(_LIST_BYTES_MAX + 1, decode_content=True)
    except requests.RequestException as error:
        raise BadRequest(f"{source} cannot be read: {why_no_answer(error)}. Give its URL, or a file.") from None
    if len(content) > _LIST_BYTES_MAX:
        raise BadRequest(f"{source} is larger than {_LIST_BYTES_MAX} bytes: that is no list of models.")
    return bytes(content)
