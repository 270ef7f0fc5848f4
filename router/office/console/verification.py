"""Verifications of the ledger that run beside the pages, and what the last one found.

One runs at a time, whichever worker began it: it has a lease, renewed while it runs, so that one whose worker died is
seen to be over. What it finds stands in the audit log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.db.database import Database
from router.db.ids import new_id
from router.db.transaction import Transaction
from router.errors import Conflict, RouterError, faults
from router.jobs.leases import release_leases, take_lease, try_lease
from router.ledger.verify import CHECKS, Check, verify
from router.office.actor import Actor
from router.office.audit import Change, list_audit, write
from router.office.office import Office
from router.store.console.verify_state import LEASE, count_transfers, note_step, read_verify_state
from router.store.opening import open_database

__all__ = ["FoundByVerify", "Verification", "start_verification", "verification"]

_log = logging.getLogger("router.office")
_LEASE_S = 30.0
_BEAT_S = 5.0
_ENDED = "ledger verified"
_NAMES = tuple(CHECKS)


@dataclass(frozen=True, slots=True)
class FoundByVerify:
    """What a verification found.

    Attributes:
        at: Unix seconds at which it ended.
        by: who began it.
        transfers: how many there were; None where it failed before it knew.
        took_s: whole seconds.
        checks: how many were made.
        failed: name of a check -> some of what it found, in words.
        error: why it could not be ended; empty where it was.
    """

    at: float
    by: str
    transfers: int | None
    took_s: int
    checks: int
    failed: Mapping[str, str]
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was ended, and found nothing."""
        return not self.failed and not self.error


@dataclass(frozen=True, slots=True)
class Verification:
    """Where verifications stand.

    Attributes:
        running: whether one is under way.
        step, steps: the number of the check that is under way, of how many.
        check: its name; empty before the first.
        began_at: when the one that runs, or the last one, began; 0 for never.
        interrupted: whether the last one ended without a result: its worker died.
        last: what the last one found; None where none has ended yet.
    """

    running: bool
    step: int
    steps: int
    check: str
    began_at: float
    interrupted: bool
    last: FoundByVerify | None


def verification(office: Office) -> Verification:
    """Where verifications stand now."""
    state = read_verify_state(office.database, office.clock())
    entries = list_audit(office, action=_ENDED, limit=1)
    last = _found(entries[0].created_at, entries[0].actor, entries[0].detail) if entries else None
    interrupted = not state.running and state.began_at > 0 and (last is None or last.at < state.began_at)
    check = _NAMES[state.step - 1] if 0 < state.step <= len(_NAMES) else ""
    return Verification(state.running, state.step, len(_NAMES), check, state.began_at, interrupted, last)


def start_verification(office: Office, actor: Actor) -> threading.Thread:
    """Begin to verify the ledger, in a thread of its own (a greenlet, where threads are greenlets) and on connections
    of its own, so that neither calls nor pages wait for it.

    Raises:
        Conflict: a verification is under way.
    """
    owner = new_id("vrfy")

    def begin(transaction: Transaction) -> Change[None]:
        now = office.clock()
        if not take_lease(transaction.connection, LEASE, owner, now, _LEASE_S):
            raise Conflict("A verification of the ledger is under way: its page shows how far it is.")
        note_step(transaction.connection, 0, began_at=int(now))
        return Change(None, "", {})

    write(office, actor, "ledger verify", begin)
    thread = threading.Thread(target=_run, args=(office, actor, owner), name=LEASE, daemon=True)
    thread.start()
    return thread


def _run(office: Office, actor: Actor, owner: str) -> None:
    over = threading.Event()
    beating = threading.Thread(target=_beat, args=(office, owner, over), name=f"{LEASE} lease", daemon=True)
    beating.start()
    begun = time.monotonic()
    try:
        detail = _verify(office)
    except RouterError as error:
        detail = {"error": error.message}
    except faults() as error:  # whatever it is, it is told
        _log.exception("The ledger could not be verified.")
        detail = {"error": f"{type(error).__name__}: {error}"}
    detail["took_s"] = round(time.monotonic() - begun)
    over.set()
    beating.join()
    try:
        _end(office, actor, owner, detail)
    except RouterError as error:
        _log.error("What a verification of the ledger found could not be kept: %s: %s", error, detail)


def _verify(office: Office) -> dict[str, Any]:
    url, folder = office.settings.database.url.reveal(), office.settings.path.resolve().parent
    database = open_database(url, folder)
    try:
        transfers = database.read(count_transfers)
        checks = verify(database, progress=lambda name: _progress(office.database, name))
    finally:
        database.close()
    return {"transfers": transfers, "checks": len(checks), "failed": _failed(checks)}


def _progress(database: Database, name: str) -> None:
    """Note the check that is begun; a database that is too busy to note it is verified all the same."""
    try:
        database.write(lambda connection: note_step(connection, _NAMES.index(name) + 1))
    except RouterError as error:
        _log.warning("The progress of a verification could not be noted: %s", error)


def _beat(office: Office, owner: str, over: threading.Event) -> None:
    while not over.wait(_BEAT_S):
        try:
            try_lease(office.database, LEASE, owner, office.clock(), _LEASE_S)
        except RouterError as error:
            _log.warning("The lease of a verification could not be renewed: %s", error)


def _end(office: Office, actor: Actor, owner: str, detail: Mapping[str, Any]) -> None:
    def end(transaction: Transaction) -> Change[None]:
        release_leases(transaction.connection, owner)
        return Change(None, "", detail)

    write(office, actor, _ENDED, end)


def _failed(checks: Sequence[Check]) -> dict[str, str]:
    return {check.name: check.detail for check in checks if not check.ok}


def _found(at: float, by: str, detail: Mapping[str, Any]) -> FoundByVerify:
    return FoundByVerify(
        at,
        by,
        detail.get("transfers"),
        int(detail.get("took_s", 0)),
        int(detail.get("checks", 0)),
        detail.get("failed", {}),
        str(detail.get("error", "")),
    )
