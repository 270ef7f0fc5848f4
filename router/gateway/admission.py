"""The bracket round a call: opened before the upstream sees anything, closed exactly once however the call ends.

The policies' claims are taken and settled here; with the policies ``none`` there are no claims, and what is left of
admission is that no call is served whose usage could not be recorded.
"""

from __future__ import annotations

from collections.abc import Callable

from router.errors import StoreError
from router.types import Usage

__all__ = ["Admission", "Bracket"]


class Bracket:
    """One admitted call."""

    __slots__ = ("_closed",)

    def __init__(self) -> None:
        self._closed = False

    def close(self, ending: str, usage: Usage | None) -> None:
        """Settle what the call used.

        Args:
            ending: ``ok``, ``error``, ``cut`` or ``disconnect``.
            usage: None where nothing was used.
        """
        if self._closed:
            raise AssertionError("a bracket was closed twice")
        self._closed = True


class Admission:
    """Admits calls.

    Args:
        recordable: whether usage rows can be kept just now.
    """

    def __init__(self, recordable: Callable[[], bool]) -> None:
        self._recordable = recordable

    def open(self) -> Bracket:
        """Admit one call.

        Raises:
            StoreError: nothing may be served unaccounted, and the database does not take rows.
        """
        if not self._recordable():
            raise StoreError(
                "The database does not answer; calls are refused until it does.", headers={"Retry-After": "5"}
            )
        return Bracket()
