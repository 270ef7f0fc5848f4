"""The surface of embeddings: ``POST /v1/embeddings``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from router.surfaces.chat.relay import Relay
from router.surfaces.checked import look
from router.surfaces.surface import ServedCall, Surface
from router.types.dialect import Dialect
from router.types.records import EmbeddingsCall

__all__ = ["EMBEDDINGS", "EmbeddingsSurface"]


class EmbeddingsSurface(Surface):
    """OpenAI's embeddings: always plain, and without output tokens."""

    name = hook = modality = "embeddings"
    compiles = True
    speaks = False
    look = staticmethod(partial(look, "embeddings"))  # no call of its own: it is on every call's way

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """Those of the dialect."""
        return dialect.embeddings_paths

    def seen(self, call: ServedCall, body: Mapping[str, Any]) -> EmbeddingsCall:
        """See ``Surface``."""
        return EmbeddingsCall(call.request_id, call.model, body, call.stream, call.include_usage)

    def reader(self, call: ServedCall) -> Relay:
        """See ``Surface``."""
        return Relay(call, call.face, is_chat=False)


EMBEDDINGS = EmbeddingsSurface()
