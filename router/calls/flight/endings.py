"""Ends calls in flight whose key or account an operator has revoked or disabled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from router.calls.auth import CODES
from router.calls.call import ActiveCall
from router.calls.flight.rounds import Rounds
from router.errors import StoreError, Unauthorized, faults

__all__ = ["Endings"]

_EVERY_S = 0.5
_log = logging.getLogger("router.calls")
_SAID = {
    "revoked": "This API key was revoked while this call was under way.",
    "disabled": "This API key was disabled while this call was under way.",
}


class Endings(Rounds):
    """Looks for refused keys while calls are under way, and asks the database only where something has changed.

    Versions are compared instead of times: clocks of nodes differ, and a key that was enabled again is read under a
    newer version, so that its calls go on.

    Args:
        version: the present one of all keys, accounts and limits; may be up to a second old.
        read: a version -> ID of a key or account whose calls are to end -> the version before which they had begun,
            and why; those alone that were written under a later one. Both may raise ``StoreError``.
        in_flight: request ID -> call.
    """

    def __init__(
        self,
        version: Callable[[], int],
        read: Callable[[int], Mapping[str, tuple[int, str]]],
        in_flight: Mapping[str, ActiveCall],
    ) -> None:
        super().__init__(in_flight, _EVERY_S)
        self._version = version
        self._read = read
        self._looked: int | None = None
        self._found: dict[str, tuple[int, str]] = {}

    def _round(self) -> None:
        try:
            self._look()
        except StoreError as error:  # others tell of it; nothing new is let in meanwhile
            _log.info("whose calls are to end could not be read: %s", error)
        except faults():
            _log.exception("whose calls are to end could not be told")

    def _look(self) -> None:
        if not self._in_flight:
            return
        version = self._version()
        if version != self._looked:
            oldest = min((active.key.version for active in self._in_flight.values()), default=version)
            since = oldest if self._looked is None else min(oldest, self._looked)
            self._found |= self._read(since)
            self._looked = version
        if self._found:  # a call may be let in with a key that was read just before
            self._end()

    def _end(self) -> None:
        for active in list(self._in_flight.values()):
            for subject_id in (active.key.id, active.key.account):
                version, reason = self._found.get(subject_id, (0, ""))
                if active.key.version < version:
                    active.stop(Unauthorized(_SAID[reason], reason=reason, code=CODES[reason]))
