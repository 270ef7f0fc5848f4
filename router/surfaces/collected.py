"""The surfaces that a gateway serves: chat, embeddings, and those that plugins bring."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from router.plugin_host.registry import Registry
from router.surfaces.chat.surface import CHAT
from router.surfaces.embeddings import EMBEDDINGS
from router.surfaces.messages.surface import MESSAGES
from router.surfaces.surface import PLACE, Surface, SurfaceContext
from router.surfaces.translated import TranslatedSurface
from router.types.dialect import Dialect

__all__ = ["OWN", "surface_faults", "surfaces_of"]

OWN: tuple[Surface, ...] = (CHAT, EMBEDDINGS, MESSAGES)
"""The host's own."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PATH = re.compile(r"/[!-~]*")


def surfaces_of(
    registry: Registry, dialect: Dialect, context: Callable[[str], SurfaceContext], own: Sequence[Surface] = OWN
) -> tuple[Surface, ...]:
    """All surfaces, the host's own first. A plugin whose surface cannot be served is left out, and the log says why.

    Args:
        context: what a plugin of that name may use.
        own: the host's.
    """
    found = list(own)
    for plugin in registry.having("surface"):

        def read(given: Any, before: Sequence[Surface] = tuple(found)) -> list[Surface]:
            surfaces = list(given) if isinstance(given, list | tuple) else [given]
            for index, one in enumerate(surfaces):
                fault = next(surface_faults(one, dialect, (*before, *surfaces[:index])), None)
                if fault is not None:
                    raise ValueError(fault)
            return surfaces

        found += registry.ask(plugin.name, "surface", read, context=context(plugin.name)) or ()
    return tuple(found)


def surface_faults(surface: Any, dialect: Dialect, others: Sequence[Surface] = ()) -> Iterator[str]:
    """Why a surface cannot be served beside ``others``, each in a sentence; nothing where it can be."""
    if not isinstance(surface, Surface):
        yield f"gave {type(surface).__name__}, which is no router.surfaces.Surface"
        return
    for attribute in ("name", "hook"):
        value = getattr(surface, attribute, None)
        if attribute == "hook" and value == "" and surface.translates:
            continue
        if not (isinstance(value, str) and _NAME.fullmatch(value)):
            yield f"its {attribute} {value!r} is not a short word of small letters, digits and _"
            return
    if surface.translates and not isinstance(surface, TranslatedSurface):
        yield f"the surface {surface.name!r} says that it translates, and is no TranslatedSurface"
    if any(other.name == surface.name for other in others):
        yield f"there is a surface named {surface.name!r} already"
    taken = {path: other.name for other in others for path in other.paths(dialect)}
    for path in (*surface.paths(dialect), *(route.path for route in surface.routes() if not route.header)):
        if not _PATH.fullmatch(path):
            yield f"the path {path!r} of the surface {surface.name!r} does not begin with a slash, or is not ASCII"
        elif path.count(PLACE) > 1 or (PLACE in path and path.endswith(PLACE)):
            yield f"the path {path!r} of the surface {surface.name!r} must have one {PLACE} at most, and end otherwise"
        elif path in taken:
            yield f"the path {path!r} of the surface {surface.name!r} is {taken[path]!r}'s already"
