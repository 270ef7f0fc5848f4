"""Entries of the audit log: what somebody did, with no secret in it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from router.db.connection import Connection
from router.office.actor import Actor
from router.store.audit import AuditEntry, insert_audit

if TYPE_CHECKING:
    from router.db.plugin_tables import Note

__all__ = ["entry_of", "note_of_plugin"]

_SECRET = re.compile(r"\b(?:sk|op)-[\w-]{8,}|://[^/\s@]+@")
_KEY_LEAST = 20  # what follows a key's prefix, at least
_HIDDEN = "***"
_TEXT_MAX = 500
_NAME_MAX = 100


def entry_of(actor: Actor, action: str, subject: str, detail: Mapping[str, Any], key_prefix: str = "") -> AuditEntry:
    """An entry with its secrets masked.

    Args:
        key_prefix: what API keys begin with, so that one given by mistake, as a name or a reason, is not kept.
    """
    given = {**detail, "reason": detail.get("reason") or actor.reason}
    told = {name: _masked(value, key_prefix) for name, value in given.items() if _says_something(value)}
    shown = str(_masked(subject, key_prefix))
    return AuditEntry(
        time.time(), actor.name, action, shown, told, kind=actor.kind, session=actor.session, address=actor.address
    )


def note_of_plugin(key_prefix: str) -> Note:
    """What writes plugins' entries.

    Args:
        key_prefix: as in ``entry_of``.
    """

    def note(
        connection: Connection, action: str, subject: str, detail: Mapping[str, Any], actor: str, kind: str
    ) -> None:
        insert_audit(connection, entry_of(Actor(kind, actor[:_NAME_MAX]), action, subject, detail, key_prefix))

    return note


def _says_something(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", (), [], {})


def _masked(value: Any, key_prefix: str) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _masked(one, key_prefix) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_masked(one, key_prefix) for one in value]
    text = _SECRET.sub(_HIDDEN, str(value))
    if key_prefix:
        text = re.sub(rf"{re.escape(key_prefix)}[\w-]{{{_KEY_LEAST},}}", _HIDDEN, text)
    return text[:_TEXT_MAX]
