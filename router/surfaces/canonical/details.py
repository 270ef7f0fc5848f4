"""``reasoning_details`` of a stream, which come in pieces, put together."""

from __future__ import annotations

from typing import Any

__all__ = ["Details"]

_GROWING = ("text", "summary", "data")


class Details:
    """One answer's details.

    Attributes:
        found: put together so far, in their order.
    """

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def feed(self, given: Any) -> str:
        """Take some more; what of them can be shown."""
        shown = []
        for piece in given if isinstance(given, list) else ():
            if isinstance(piece, dict):
                self._add(piece)
                text = piece.get("text") or piece.get("summary")
                shown.append(text if isinstance(text, str) else "")
        return "".join(shown)

    def _add(self, piece: dict[str, Any]) -> None:
        last = self.found[-1] if self.found else None
        if last is None or any(last.get(name) != piece.get(name) for name in ("type", "index")):
            self.found.append(dict(piece))
            return
        for name, value in piece.items():
            if name in _GROWING and isinstance(value, str) and isinstance(last.get(name), str):
                last[name] += value
            elif value is not None:
                last[name] = value
