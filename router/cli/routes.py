"""``router routes``: how a model ID is understood."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import click

from router.cli.checking import upstream_url
from router.cli.groups import Commands
from router.cli.output import table
from router.cli.session import Session, common
from router.gateway.resolve import Target
from router.store.accounts import get_account
from router.store.database import Database
from router.store.keys import get_key

__all__ = ["routes"]


@click.group(cls=Commands)
def routes() -> None:
    """How model IDs are understood."""


@routes.command()
@click.argument("model")
@click.option("--key", "key_id", metavar="ID", help="Say also whether this key may call.")
@common
def explain(session: Session, model: str, key_id: str | None) -> None:
    """What would become of a call for MODEL, step by step. Nothing is sent."""
    key = _key(session.assembly.database, key_id) if key_id is not None else None
    route = session.assembly.resolver.route(model)
    targets = [_target(target) for target in route.targets]
    lines = [f"{number}. {step}" for number, step in enumerate(route.steps, 1)]
    columns = {
        "id": "TARGET",
        "provider": "PROVIDER",
        "state": "STATE",
        "model": "UPSTREAM MODEL",
        "host": "HOST",
        "limits": "TIMEOUTS (S)",
    }
    shown = [{**target, "limits": _limits(target["timeouts"])} for target in targets]
    said = [f"Key {key['id']}: {key['verdict']}"] if key is not None else []
    text = "\n".join([*said, *lines, "", table(shown, columns, empty="")])
    session.show({"model": model, "key": key, "steps": list(route.steps), "targets": targets}, text)


def _target(target: Target) -> dict[str, Any]:
    provider = target.provider
    return {
        "id": target.id,
        "provider": provider.name,
        "plugin": provider.kind,
        "model": target.model,
        "state": provider.problem or "active",
        "host": upstream_url(provider).partition("://")[2].partition("/")[0],
        "transport": provider.settings.transport,
        "timeouts": asdict(provider.settings.timeouts),
    }


def _limits(timeouts: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {limit:g}" for name, limit in timeouts.items() if limit is not None)


def _key(database: Database, key_id: str) -> dict[str, str]:
    row = get_key(database, key_id)
    account = get_account(database, row.account_id)
    expired = row.expires_at is not None and row.expires_at <= time.time()
    status = "expired" if row.status == "active" and expired else row.status
    good = status == "active" and account.status == "active"
    verdict = "may call" if good else f"is refused with 401: the key is {status}, its account {account.status}"
    return {"id": row.id, "account": account.id, "status": status, "verdict": verdict}
