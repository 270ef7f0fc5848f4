"""The routes of OpenAI's API beside chat and embeddings, such as images and speech."""

from __future__ import annotations

from collections.abc import Sequence

from router import hookimpl
from router.surfaces import Surface, SurfaceContext, further_surfaces

__all__ = ["plugin"]


class Surfaces:
    """The plugin ``surfaces``: what it serves is the host's; whether it is served is the operator's to say."""

    @hookimpl
    def surface(self, context: SurfaceContext) -> Sequence[Surface]:
        return further_surfaces(context)


plugin = Surfaces()
