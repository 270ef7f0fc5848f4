"""``router models sync``: what the providers say they serve now, in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from router.cli.support.output import table
from router.cli.support.references import PROVIDER
from router.cli.support.session import CommandSession, remotely
from router.office.operations.models import sync_models

__all__ = ["sync"]

_SHOWN_MAX = 5


@click.command()
@click.argument("provider", type=PROVIDER, required=False)
@remotely
def sync(session: CommandSession, provider: str | None) -> int:
    """Ask PROVIDER, or every active one, for its models, and add those that are not in the catalogue yet.

    New models are enabled. Known ones keep their switch and their price; what the list says of their windows is kept
    up. None is ever removed: a model that the provider lists no more is named. What is left without a price, as its
    provider tells none or is not paid by tokens alone, is said with the reason. Exit status 1 if a provider could not
    be asked.
    """
    rows = session.run(sync_models, provider=provider)
    columns = {"provider": "PROVIDER", "added": "ADDED", "known": "KNOWN", "gone": "NOT LISTED", "error": "ERROR"}
    shown = [{**row, "added": _few(row["added"])} for row in rows]
    text = table(shown, columns, empty="No active provider has a list to ask for.")
    session.show(rows, "\n".join([text, *_unpriced_text(rows)]))
    return 1 if any(row["error"] for row in rows) else 0


def _unpriced_text(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One line for each reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for one in row["unpriced"]:
            reasons.setdefault(one["why"], []).append(one["id"])
    if reasons:
        yield "\nWithout a price, so that calls are refused (`router models price ID` sets one):"
    for why, ids in sorted(reasons.items()):
        yield f"- {why}: {', '.join(_few(ids))}"


def _few(ids: Sequence[str]) -> Sequence[str]:
    return ids if len(ids) <= _SHOWN_MAX else [*ids[:_SHOWN_MAX], f"and {len(ids) - _SHOWN_MAX} more"]
