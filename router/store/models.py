"""The operator's part of the catalogue: models, switches and aliases.

Every change raises ``catalogue_version`` in its own transaction, so that a worker sees with one cheap query whether
what it holds is still right.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from router.db.connection import Connection
from router.db.ids import check_name
from router.db.transaction import Runner
from router.errors import NotFound

__all__ = [
    "CatalogueRows",
    "ModelRow",
    "catalogue_version",
    "change_catalogue",
    "load_catalogue",
    "remove_alias",
    "remove_fallbacks",
    "remove_model",
    "set_alias",
    "set_fallbacks",
    "set_model_enabled",
    "upsert_model",
]

T = TypeVar("T")

_COLUMNS = "public_id, provider, model, kind, enabled, source, card, created_at"
_VERSION = "SELECT value FROM meta WHERE name = 'catalogue_version'"
_UPSERT = f"""
INSERT INTO models ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, 'operator', ?, ?)
ON CONFLICT (public_id) DO UPDATE SET provider = excluded.provider, model = excluded.model, kind = excluded.kind,
    enabled = excluded.enabled, source = excluded.source, card = excluded.card
"""  # noqa: S608 - constant text
_SWITCH = f"""
INSERT INTO models ({_COLUMNS}) VALUES (?, NULL, NULL, '', ?, 'override', '{{}}', ?)
ON CONFLICT (public_id) DO UPDATE SET enabled = excluded.enabled
"""  # noqa: S608 - constant text


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One row of the operator's catalogue.

    Attributes:
        public_id: what clients ask for.
        provider, model: what serves it; None in an override.
        kind: ``chat`` or ``embeddings``; empty in an override.
        enabled: whether it may be used.
        source: ``operator`` (added by hand) or ``override`` (only switches a plugin's model on or off).
        card: further facts, a JSON object.
        created_at: Unix seconds.
    """

    public_id: str
    provider: str | None
    model: str | None
    kind: str
    enabled: bool
    source: str
    card: Mapping[str, Any] = field(default_factory=dict)
    created_at: float = 0.0


@dataclass(frozen=True, slots=True)
class CatalogueRows:
    """What the database says of models.

    Attributes:
        version: grows with every change.
        aliases: alias -> its target.
        fallbacks: model ID -> model IDs to try next, best first.
    """

    version: int
    models: tuple[ModelRow, ...]
    aliases: Mapping[str, str]
    fallbacks: Mapping[str, Sequence[str]]


def catalogue_version(database: Runner) -> int:
    """A number that grows with every change."""
    return database.read(_read_version, whole=False)


def load_catalogue(database: Runner) -> CatalogueRows:
    """All rows. The version is read first: rows changed meanwhile make it look old, never new."""

    def load(connection: Connection) -> CatalogueRows:
        version = _read_version(connection)
        models = connection.rows(f"SELECT {_COLUMNS} FROM models ORDER BY public_id")  # noqa: S608 - constant text
        aliases = connection.rows("SELECT alias, target FROM aliases ORDER BY alias")
        fallbacks = connection.rows("SELECT model, targets FROM fallbacks ORDER BY model")
        return CatalogueRows(
            version,
            tuple(map(_model, models)),
            {row["alias"]: row["target"] for row in aliases},
            {row["model"]: tuple(json.loads(row["targets"])) for row in fallbacks},
        )

    return database.read(load, whole=False)


def upsert_model(
    database: Runner,
    public_id: str,
    *,
    provider: str,
    model: str,
    kind: str = "chat",
    enabled: bool = True,
    card: Mapping[str, Any] | None = None,
) -> None:
    """Add a model under a public ID, or replace what that ID means.

    Raises:
        BadRequest: a name is empty, too long or holds control characters.
    """
    values = (
        check_name(public_id, "a model ID"),
        check_name(provider, "a provider's name"),
        check_name(model, "a provider's model"),
        kind,
        enabled,
        json.dumps(dict(card or {})),
        time.time(),
    )
    change_catalogue(database, lambda connection: connection.execute(_UPSERT, values))


def remove_model(database: Runner, public_id: str) -> None:
    """Forget a row: a model added by hand is gone, an overridden one is as its plugin has it.

    Raises:
        NotFound: there is no row for it.
    """

    def remove(connection: Connection) -> None:
        if not connection.execute("DELETE FROM models WHERE public_id = ?", (public_id,)):
            raise NotFound(f"The database has no row for model {public_id[:100]!r}.", code="model_not_found")

    change_catalogue(database, remove)


def set_model_enabled(database: Runner, public_id: str, enabled: bool) -> None:
    """Switch a model on or off, be it the operator's own or a plugin's.

    Raises:
        BadRequest: the ID is empty, too long or holds control characters.
    """
    values = (check_name(public_id, "a model ID"), enabled, time.time())
    change_catalogue(database, lambda connection: connection.execute(_SWITCH, values))


def set_alias(database: Runner, alias: str, target: str) -> None:
    """Let ``alias`` mean the model ID ``target`` from now on.

    Raises:
        BadRequest: a name is empty, too long or holds control characters.
    """
    values = (check_name(alias, "an alias"), check_name(target, "an alias's target"), time.time())
    sql = (
        "INSERT INTO aliases (alias, target, created_at) VALUES (?, ?, ?) "
        "ON CONFLICT (alias) DO UPDATE SET target = excluded.target"
    )
    change_catalogue(database, lambda connection: connection.execute(sql, values))


def remove_alias(database: Runner, alias: str) -> None:
    """Raises:
    NotFound: there is no such alias.
    """

    def remove(connection: Connection) -> None:
        if not connection.execute("DELETE FROM aliases WHERE alias = ?", (alias,)):
            raise NotFound(f"There is no alias {alias[:100]!r} in the database.", code="alias_not_found")

    change_catalogue(database, remove)


def set_fallbacks(database: Runner, model: str, targets: Sequence[str]) -> None:
    """Let calls to ``model`` go on to ``targets``, best first, when it fails.

    Raises:
        BadRequest: a name is empty, too long or holds control characters.
    """
    checked = [check_name(target, "a model ID") for target in targets]
    values = (check_name(model, "a model ID"), json.dumps(checked), time.time())
    sql = (
        "INSERT INTO fallbacks (model, targets, created_at) VALUES (?, ?, ?) "
        "ON CONFLICT (model) DO UPDATE SET targets = excluded.targets"
    )
    change_catalogue(database, lambda connection: connection.execute(sql, values))


def remove_fallbacks(database: Runner, model: str) -> None:
    """Raises:
    NotFound: the model has none in the database.
    """

    def remove(connection: Connection) -> None:
        if not connection.execute("DELETE FROM fallbacks WHERE model = ?", (model,)):
            raise NotFound(f"There are no fallbacks for {model[:100]!r} in the database.", code="fallback_not_found")

    change_catalogue(database, remove)


def change_catalogue(database: Runner, change: Callable[[Connection], T]) -> T:
    """Change models, prices or rates in one transaction, and let every worker see it."""

    def change_and_count(connection: Connection) -> T:
        result = change(connection)
        connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'catalogue_version'")
        return result

    return database.write(change_and_count)


def _read_version(connection: Connection) -> int:
    row = connection.row(_VERSION)
    return int(row["value"]) if row else 0


def _model(row: dict[str, Any]) -> ModelRow:
    row["enabled"] = bool(row["enabled"])
    row["card"] = json.loads(row["card"])
    return ModelRow(**row)
