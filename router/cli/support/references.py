"""Accounts, keys and models as arguments: a name is taken where an ID is, and shells complete all three.

A command declares ``type=ACCOUNT`` or ``type=KEY``; the operation that it runs takes either. Completion reads the
database that the configuration names, and says nothing where it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from router.cli.support.session import CommandSession

__all__ = ["ACCOUNT", "KEY", "MODEL", "PROVIDER", "Reference"]

_SHOWN_MAX = 200


class Reference(click.ParamType):  # type: ignore[type-arg] # generic in new versions of click only
    """One of the things that the database or the configuration knows."""

    name: str = "id"

    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        """(what stands for it in a command, what to show beside it)."""
        raise NotImplementedError

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        config = ctx.params.get("config") or ctx.find_root().params.get("config") or Path("router.toml")
        try:
            with CommandSession(Path(config), True) as session:
                found = [one for one in self.known(session) if one[0].startswith(incomplete)]
        except Exception:  # a completion never gets in the way of typing
            return []
        return [CompletionItem(value, help=text) for value, text in found[:_SHOWN_MAX]]


class _Account(Reference):
    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        from router.office.names import recent_accounts

        yield from recent_accounts(session.database, _SHOWN_MAX)


class _Key(Reference):
    def known(self, session: CommandSession) -> Iterator[tuple[str, str]]:
        from router.office.names import recent_keys

        yield from recent_keys(session.database, _SHOWN_MAX)


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
