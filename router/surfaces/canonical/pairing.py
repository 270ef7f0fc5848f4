"""Calls and their results on wires that pair them by name or order, where a chat needs an ID."""

from __future__ import annotations

from router.errors import BadRequest

__all__ = ["CallPairing"]


class CallPairing:
    """One conversation's calls, in their order."""

    def __init__(self) -> None:
        self._made = 0
        self._open: list[tuple[str, str]] = []  # ID and name of calls without a result

    def call(self, given: str, name: str) -> str:
        """The ID of a call; one of our own where the client gave none."""
        self._made += 1
        made = given or f"call_{self._made}"
        self._open.append((made, name))
        return made

    def result(self, given: str, name: str, where: str) -> str:
        """The ID of the call that a result belongs to: the one named, else the first open one of that tool, or of all
        where no tool is named.

        Args:
            where: the result, for a refusal.

        Raises:
            BadRequest: there is no such call.
        """
        fits = (lambda one: one[0] == given) if given else (lambda one: not name or one[1] == name)
        found = next(filter(fits, self._open), None)
        if found is None:
            what = f"with the ID {given!r}" if given else f"of the tool {name!r}" if name else "before it"
            message = f"'{where}' is the result of a call that is not there: there is no open call {what}."
            raise BadRequest(message, code="invalid_value", param=where)
        self._open.remove(found)
        return found[0]
