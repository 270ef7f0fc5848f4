"""A file that came in a form: what bodies of surfaces hold that are no JSON."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["UploadedFile"]


class UploadedFile(NamedTuple):
    """One file of a form.

    Attributes:
        name: as the client calls it.
        type: its media type, as the client says.
        data: its bytes.
    """

    name: str
    type: str
    data: bytes

    def __repr__(self) -> str:
        return f"UploadedFile({len(self.data)} bytes)"
