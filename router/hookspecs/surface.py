"""The hook of a plugin that has the gateway speak another wire to its clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from router.surfaces.surface import Surface, SurfaceContext

__all__ = ["SurfaceSpecs"]

hookspec = pluggy.HookspecMarker("router")


class SurfaceSpecs:
    """For a plugin that has the gateway speak another wire to its clients."""

    @hookspec
    def surface(self, context: SurfaceContext) -> Surface | Sequence[Surface]:  # type: ignore[empty-body]
        """The surface, or several: names, paths, and how bodies and answers are read.

        Called: addressed, once at start. Since: 0.2.
        """
