"""Accounts, keys and models as arguments: a name is taken where an ID is, and shells complete all three.

A command declares ``type=ACCOUNT`` or ``type=KEY``; ``common`` hands it the ID. Completion reads the database that the
configuration names, and says nothing where it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import click
from click.shell_completion import CompletionItem

from router.cli.support.session import CommandSession
from router.errors import BadRequest

__all__ = ["ACCOUNT", "KEY", "MODEL", "PROVIDER", "Reference"]

_SHOWN_MAX = 200


class Reference(click.ParamType):  # type: ignore[type-arg] # generic in new versions of click only
    """One of the things that the database or the configuration knows."""

    name: str = "id"

    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        """(what stands for it in a command, what to show beside it)."""
        raise NotImplementedError

    def resolve(self, session: CommandSession, text: str) -> str:
        """What a command works with, for what it was given."""
        return text

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        config = ctx.params.get("config") or ctx.find_root().params.get("config") or Path("router.toml")
        try:
            with CommandSession(Path(config), True) as session:
                found = [one for one in self.known(session) if one[0].startswith(incomplete)]
        except Exception:  # a completion never gets in the way of typing
            return []
        return [CompletionItem(value, help=text) for value, text in found[:_SHOWN_MAX]]


class _Named(Reference):
    """Of a table with ``id`` and ``name``."""

    prefix: ClassVar[str]
    table: ClassVar[str]
    what: ClassVar[str]
    live: ClassVar[str] = ""

    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        yield from self._rows(session, f"ORDER BY created_at DESC LIMIT {_SHOWN_MAX}")

    def resolve(self, session: CommandSession, text: str) -> str:
        """The ID; text that is neither an ID nor a name stays, for the command to refuse.

        Raises:
            BadRequest: several have the name.
        """
        if text.startswith(self.prefix):
            return text
        ids: list[str] = []
        for also in dict.fromkeys((self.live, "")):
            ids = ids or [one for one, _ in self._rows(session, f"WHERE name = ? {also} ORDER BY id LIMIT 6", (text,))]
        if len(ids) > 1:
            named = ", ".join(ids[:5]) + (", ..." if len(ids) > 5 else "")
            raise BadRequest(f"Several {self.what}s are called {text[:100]!r}: give the ID of one ({named}).")
        return ids[0] if ids else text

    def _rows(self, session: CommandSession, rest: str, params: Sequence[Any] = ()) -> list[tuple[str, str]]:
        sql = f"SELECT id, name FROM {self.table} {rest}"  # noqa: S608 - constant text
        rows = session.database.read(lambda connection: connection.tuples(sql, params))
        return [(str(one), str(name)) for one, name in rows]


class _Account(_Named):
    prefix, table, what = "acct_", "accounts", "account"


class _Key(_Named):
    prefix, table, what = "key_", "api_keys", "key"
    live = "AND status <> 'revoked'"

    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        yield from self._rows(session, f"WHERE status <> 'revoked' ORDER BY created_at DESC LIMIT {_SHOWN_MAX}")


class _Model(Reference):
    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        snapshot = session.assembly.catalogue.snapshot()
        for model_id in sorted({*snapshot.entries, *snapshot.aliases}):
            entry = snapshot.entries.get(model_id)
            yield model_id, entry.card.kind if entry is not None else f"alias of {snapshot.aliases[model_id]}"


class _Provider(Reference):
    name = "name"

    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        for name, provider in sorted(session.assembly.providers.items()):
            yield name, provider.problem or "active"


ACCOUNT, KEY, MODEL, PROVIDER = _Account(), _Key(), _Model(), _Provider()
