"""What the rules for surfaces share: the plugin's surfaces, and calls by the example that each gives of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from router.plugin_host.registry import Plugin
from router.surfaces.surface import Surface, SurfaceContext
from router.surfaces.translated import Translated, TranslatedSurface, TranslationRequest
from router.testing.conformance.base import Failed, NotOffered, Suite
from router.testing.upstream.wire import chunks, completion, token_usage
from router.types.dialect import Dialect
from router.types.records import Key

__all__ = ["MODEL", "SURFACE", "WORDS", "SurfaceBench"]

MODEL = "acme/model"
WORDS = ("Forty", "-two", " \u2603 and more")
"""What the model says, in pieces."""
_USED = token_usage(12, 3)


@dataclass(frozen=True)
class SurfaceBench:
    """One plugin under test.

    Attributes:
        plugin: the plugin.
        surfaces: what its hook gave.
    """

    plugin: Plugin
    surfaces: Sequence[Surface]

    def translating(self) -> list[TranslatedSurface]:
        """Its surfaces that are served through chat, with an example of a call.

        Raises:
            NotOffered: it has none.
        """
        translated = [one for one in self.surfaces if isinstance(one, TranslatedSurface) and one.modality == "chat"]
        found = [one for one in translated if one.schema() is not None]
        if not found:
            raise NotOffered("none of its surfaces is served through chat")
        return found

    def streaming(self) -> list[TranslatedSurface]:
        """Those of them whose answers may be streams.

        Raises:
            NotOffered: none may.
        """
        found = [one for one in self.translating() if one.streams]
        if not found:
            raise NotOffered("none of its surfaces has streams")
        return found

    def example(self, surface: Surface, **fields: Any) -> dict[str, Any]:
        """A good body of a surface."""
        schema = surface.schema()
        assert schema is not None
        return {"model": MODEL, **json.loads(json.dumps(schema.example)), **fields}

    def translated(self, surface: TranslatedSurface, body: Mapping[str, Any]) -> Translated:
        """What the surface makes of a body."""
        request = TranslationRequest(Key("key_1", "acct_1"), "req_1", 1_800_000_000.0)
        return surface.translate(body, request)

    def answer(self) -> dict[str, Any]:
        """A whole chat completion."""
        return completion("".join(WORDS), model=MODEL, usage=_USED)

    def chunks(self) -> list[bytes]:
        """The same as a stream."""
        found = chunks(*WORDS, model=MODEL, usage=_USED, include_usage=True)
        return [json.dumps(chunk).encode() for chunk in found]


@contextmanager
def _open(plugin: Plugin) -> Iterator[SurfaceBench]:
    declare = plugin.hooks.get("settings")
    settings = declare()() if declare is not None and "provider" not in plugin.roles else None
    given = plugin.hooks["surface"](context=SurfaceContext(settings, Dialect()))
    surfaces = list(given) if isinstance(given, list | tuple) else [given]
    for one in surfaces:
        if not isinstance(one, Surface):
            raise Failed(f"surface() gave a {type(one).__name__}", "Return an instance of router.surfaces.Surface.")
    yield SurfaceBench(plugin, surfaces)


SURFACE: Suite[SurfaceBench] = Suite("surface", _open)
