"""Paths of calls that name the model: ``/v1beta/models/<model>:generateContent``."""

from __future__ import annotations

from collections.abc import Iterable

from router.surfaces.surface import PLACE

__all__ = ["PlacedPaths", "is_placed"]


def is_placed(path: str) -> bool:
    """Whether a path of a surface has a place."""
    return PLACE in path


class PlacedPaths:
    """Finds which of some paths with a place a request's path is.

    Args:
        paths: with one place each; others are left out.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        split = ((path, *path.split(PLACE, 1)) for path in paths if is_placed(path))
        self._known = sorted(split, key=lambda one: -len(one[0]))  # the longest says most

    def find(self, path: str) -> tuple[str, str] | None:
        """The path as its surface names it, and the model; None for any other path.

        Args:
            path: a character for each byte, as WSGI has it.
        """
        for known, before, after in self._known:
            if path.startswith(before) and path.endswith(after) and len(path) > len(before) + len(after):
                found = path[len(before) : len(path) - len(after)]
                return known, found.encode("latin-1", "replace").decode("utf-8", "replace")
        return None
