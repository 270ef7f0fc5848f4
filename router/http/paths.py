"""Paths as clients spell them: with ``/v1`` twice or not at all, with slashes too many, as Azure has them.

A client builds its paths on a base URL that somebody typed. What it plainly means is served, under the one path that
everything else knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.http.placed import PlacedPaths, is_placed
from router.providers.profile import RESERVED

__all__ = ["PathReader"]

_PREFIXES = frozenset({"v1", "api", "openai"})
"""What base URLs of OpenAI, OpenRouter and Azure end with."""
_DEPLOYMENTS = frozenset({"deployments", "engines"})


class PathReader:
    """Reads paths. One per application.

    Args:
        paths: those that are served; a ``<`` begins what stands for IDs (``/v1/models/<path:model_id>``).
        calls: those of them that take a model, which Azure's paths name.
    """

    def __init__(self, paths: Iterable[str], calls: Iterable[str]) -> None:
        rules = set(paths)
        self._served = {rule for rule in rules if "<" not in rule}
        self._open = {rule.partition("<")[0].rstrip("/") for rule in rules if "<" in rule}
        self._tails = _by_tail({rule.partition("<")[0].rstrip("/") for rule in rules} - {*RESERVED, ""})
        self._placed = PlacedPaths(rules)
        self._calls = _by_tail(path for path in calls if not is_placed(path))
        self._deepest = max((len(tail.split("/")) for tail in self._tails), default=0)

    def read(self, path: str) -> tuple[str, str]:
        """The path that is served, and the model that this one names: empty unless it is one of Azure's, or of
        those of a surface that have a place for it.

        A path that stands for none comes back with one slash at its start, and otherwise as it is.
        """
        if path in self._served:
            return path, ""
        segments = [segment for segment in path.split("/") if segment]
        tidy = "/" + "/".join(segments)
        if tidy in self._served:
            return tidy, ""
        placed = self._placed.find(tidy)
        if placed is not None:
            return placed
        tail = _tail(segments)
        if tail and tail[0] in _DEPLOYMENTS:
            return self._deployment(tail[1:]) or (tidy, "")
        for depth in range(min(self._deepest, len(tail)), 0, -1):
            named = self._tails.get("/".join(tail[:depth]))
            if named is not None and (depth == len(tail) or named in self._open):
                plain = "/".join([named, *tail[depth:]])
                return self._placed.find(plain) or (plain, "")
        return "/" + path.lstrip("/"), ""

    def meant(self, path: str) -> str:
        """The path of calls that ``path`` ends with, behind whatever else; empty where there is none."""
        segments = [segment for segment in path.split("/") if segment]
        ends = ("/".join(segments[-depth:]) for depth in range(min(self._deepest, len(segments)), 0, -1))
        return next((self._calls[end] for end in ends if end in self._calls), "")

    def _deployment(self, named: Sequence[str]) -> tuple[str, str] | None:
        """A path of calls, and the model that stands before its tail."""
        for tail, path in self._calls.items():
            depth = len(tail.split("/"))
            if len(named) > depth and "/".join(named[-depth:]) == tail:
                return path, "/".join(named[:-depth]).encode("latin-1", "replace").decode("utf-8", "replace")
        return None


def _tail(segments: Sequence[str]) -> Sequence[str]:
    """What is left of a path without what base URLs end with."""
    start = next((place for place, segment in enumerate(segments) if segment not in _PREFIXES), len(segments))
    return segments[start:]


def _by_tail(paths: Iterable[str]) -> dict[str, str]:
    """Tail -> path; that below ``/v1`` where several have the same."""
    found: dict[str, str] = {}
    for path in sorted(paths):
        tail = "/".join(_tail(path.strip("/").split("/")))
        if tail and (tail not in found or path.startswith("/v1/")):
            found[tail] = path
    return found
