"""``router routes``: how a model ID is understood."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import click

from router.cli.checking import upstream_urls
from router.cli.groups import Commands
from router.cli.output import table
from router.cli.session import Session, common
from router.gateway.resolve import Target
from router.store.database import Database
from router.store.keys import find_key, get_key
from router.types import Key

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
    route = session.assembly.resolver.route(model, key)
    verdict = _verdict(key) if key is not None else None
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
    said = [f"Key {verdict['id']} {verdict['verdict']}"] if verdict is not None else []
    text = "\n".join([*said, *lines, "", table(shown, columns, empty="")])
    session.show({"model": model, "key": verdict, "steps": list(route.steps), "targets": targets}, text)


def _target(target: Target) -> dict[str, Any]:
    provider = target.provider
    return {
        "id": target.id,
        "provider": provider.name,
        "plugin": provider.kind,
        "model": target.model,
        "state": provider.problem or "active",
        "host": ", ".join(urlsplit(url).netloc for url in upstream_urls(provider)),
        "transport": provider.settings.transport,
        "timeouts": asdict(provider.timeouts(target.model)),
    }


def _limits(timeouts: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {limit:g}" for name, limit in timeouts.items() if limit is not None)


def _key(database: Database, key_id: str) -> Key:
    row = get_key(database, key_id)
    return find_key(database, row.hash) or Key(row.id, row.account_id, row.name, "revoked")  # deleted meanwhile


def _verdict(key: Key) -> dict[str, Any]:
    expired = key.status == "active" and key.expires_at is not None and key.expires_at <= time.time()
    status = "expired" if expired else key.status
    verdict = "may call" if status == "active" else f"is refused with 401: it, or its account, is {status}"
    return {"id": key.id, "account": key.account, "status": status, "scope": list(key.scope), "verdict": verdict}
