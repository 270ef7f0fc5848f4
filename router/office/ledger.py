"""The ledger as a whole: the proof that it holds together, and the end of calls whose worker died."""

from __future__ import annotations

import time
from collections.abc import Callable

from router.ledger.operations import Hold
from router.ledger.sweep import Swept, sweep
from router.ledger.verify import Check, verify
from router.office.actor import Actor
from router.office.audit import AuditedRunner
from router.office.office import Office
from router.store.opening import open_database

__all__ = ["Check", "Hold", "Swept", "sweep_calls", "verify_ledger"]


def verify_ledger(office: Office, progress: Callable[[str], None] = lambda _: None) -> list[Check]:
    """All checks on one snapshot, while calls go on; as ``router.ledger.verify.verify``.

    On a connection of its own, so that nobody waits for it.
    """
    database = open_database(office.settings.database.url.reveal(), office.settings.path.resolve().parent)
    try:
        return verify(database, progress=progress)
    finally:
        database.close()


def sweep_calls(office: Office, actor: Actor, *, everything: bool = False) -> Swept:
    """End calls whose hold has expired, as ``[billing] expired`` says.

    Args:
        everything: also end every call whose worker is dead, and name the others.
    """
    audited = AuditedRunner(office.database, actor, "ledger sweep", "", {"all": everything}, made=bool)
    return sweep(audited, time.time(), office.settings.billing.expired, everything=everything)
