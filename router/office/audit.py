"""The audit log: what is written into it with each change, and what stands in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from router.db.transaction import Runner, Transaction
from router.errors import Conflict
from router.office.actor import Actor
from router.office.entries import entry_of
from router.office.office import Office
from router.store.audit import AuditEntry, has_actors, insert_audit
from router.store.audit import list_audit as read_audit
from router.store.migrating import check_fits

if TYPE_CHECKING:
    from router.db.connection import Connection

__all__ = ["CHANGED_MEANWHILE", "AuditedRunner", "Change", "check_held", "list_audit", "state_of", "write"]

T = TypeVar("T")

CHANGED_MEANWHILE = "changed_meanwhile"
"""The code of the refusal to write over what somebody else has changed."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What a transaction did, for its caller and for the audit log.

    Attributes:
        result: for the caller.
        subject: to what it was done: an ID or a name.
        detail: what was done, as JSON takes it; members that are None, empty or false say nothing and are left out.
        made: whether anything was changed; nothing leaves no entry.
    """

    result: T
    subject: str
    detail: Mapping[str, Any]
    made: bool = True


def write(
    office: Office,
    actor: Actor,
    action: str,
    change: Callable[[Transaction], Change[T]],
    *,
    timeout_s: float | None = None,
) -> T:
    """Make a change and its entry in the audit log in one transaction, and give its result.

    What the change reads is what holds when it is written: nobody else writes meanwhile.

    Args:
        action: as the command line calls it (``keys revoke``).
        change: does it; raises to leave everything as it was.
        timeout_s: how long it may take; the database's own limit where None.

    Raises:
        ConfigError: the database does not fit this version.
        StoreError: it does not answer.
    """
    prefix = office.masked_prefix

    def within(connection: Connection) -> T:
        check_fits(connection)
        done = change(Transaction(connection, office.database.place))
        if done.made:
            insert_audit(connection, entry_of(actor, action, done.subject, done.detail, prefix))
        return done.result

    return office.database.write(within, timeout_s=timeout_s)


def state_of(*held: object) -> str:
    """What holds, as a short text that a form carries along."""
    return hashlib.sha256(repr(held).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def check_held(expected: str | None, *held: object) -> None:
    """Refuse to write over what has been changed since it was looked at. Of use within a transaction alone.

    Args:
        expected: what held then, by ``state_of``; None for whatever it was.

    Raises:
        Conflict: something else holds now.
    """
    if expected is not None and expected != state_of(*held):
        raise Conflict(
            "This was changed since the page was opened, by somebody else or in another tab. Look at what holds now; "
            "to set it all the same, press the button again.",
            code=CHANGED_MEANWHILE,
        )


class AuditedRunner:
    """A database whose first change, made through this, has the entry in the audit log in its transaction.

    For what takes many transactions, such as the pruning of rows.

    Args:
        action, subject, detail: of the entry.
        upkeep: whether it is the tables that are changed: these need not fit this version, and the entry is written as
            soon as, and in the shape in which, they have a place for it.
        made: whether a transaction has changed anything, by what it gives: one that has not leaves no entry.
    """

    def __init__(
        self,
        database: Runner,
        actor: Actor,
        action: str,
        subject: str,
        detail: Mapping[str, Any],
        *,
        upkeep: bool = False,
        made: Callable[[Any], bool] = lambda given: True,
    ) -> None:
        self._database = database
        self._entry = entry_of(actor, action, subject, detail)
        self._upkeep = upkeep
        self._made = made
        self._written = False

    @property
    def place(self) -> str:
        return self._database.place

    def read(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, whole: bool = True) -> T:
        """As ``Database.read``."""
        return self._database.read(function, timeout_s=timeout_s, whole=whole)

    def write(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, behind: bool = False) -> T:
        """As ``Database.write``, with the entry where it is not written yet."""

        def within(connection: Connection) -> tuple[T, bool]:
            if not self._upkeep:
                check_fits(connection)
            result = function(connection)
            return result, self._written or (self._made(result) and self._told(connection))

        result, self._written = self._database.write(within, timeout_s=timeout_s, behind=behind)
        return result

    def _told(self, connection: Connection) -> bool:
        """Whether there is a place for the entry, which is written."""
        actors = has_actors(connection) if self._upkeep else True
        if actors is not None:
            insert_audit(connection, self._entry, actors=actors)
        return actors is not None


def list_audit(
    office: Office,
    *,
    limit: int = 50,
    before: int | None = None,
    action: str | None = None,
    subject: str | None = None,
    actor: str | None = None,
) -> list[AuditEntry]:
    """The newest entries, newest first; as ``router.store.audit.list_audit``, whose cursor is ``before``."""
    return read_audit(office.database, limit=limit, before=before, action=action, subject=subject, actor=actor)
