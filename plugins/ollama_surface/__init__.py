"""Ollama's API towards clients: ``/api/chat``, ``/api/embed`` and what belongs to them, served through chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from router_plugins.ollama_surface.face import ChatFace, EmbedFace
from router_plugins.ollama_surface.request import chat_of, embeddings_of
from router_plugins.ollama_surface.routes import list_models, show_model, show_version
from router_plugins.ollama_surface.schema import CHAT, EMBED, SHOW, TAGS, VERSION

from router import Dialect, RouterError, hookimpl
from router.surfaces import (
    STREAM_HEADERS,
    Surface,
    SurfaceContext,
    SurfaceRoute,
    SurfaceSchema,
    Translated,
    TranslatedEmbeddings,
    TranslatedSurface,
    TranslationRequest,
)

__all__ = ["plugin"]

_PATHS = (
    *("blobs", "chat", "copy", "create", "delete", "embed", "embeddings", "generate"),
    *("ps", "pull", "push", "show", "tags", "version"),
)
"""What Ollama has below ``/api``, where a profile may have paths of its own."""


class _Ollama(TranslatedSurface):
    """What all calls of this wire share."""

    prefixes = tuple(f"/api/{path}" for path in _PATHS)

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def error_body(self, dialect: Dialect, error: RouterError, request_id: str) -> Mapping[str, Any]:
        return {"error": dialect.said(error)}


class _Chat(_Ollama):
    name = "ollama"
    stream_headers: Mapping[str, str] = {**STREAM_HEADERS, "Content-Type": "application/x-ndjson"}

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        return ("/api/chat",)

    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        model = body["model"]
        chat, dropped = chat_of(body, partial(request.opened, model=model))
        sealed = partial(request.sealed, model=model)
        return Translated(chat, ChatFace(model, request.received_at, self._dialect.said, sealed), dropped)

    def schema(self) -> SurfaceSchema:
        return CHAT

    def routes(self) -> Sequence[SurfaceRoute]:
        return (
            SurfaceRoute("GET", "/api/tags", list_models, TAGS),
            SurfaceRoute("POST", "/api/show", show_model, SHOW),
            SurfaceRoute("GET", "/api/version", show_version, VERSION),
        )


class _Embed(_Ollama, TranslatedEmbeddings):
    name = "ollama_embed"

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        return ("/api/embed",) if dialect.embeddings_paths else ()

    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        made, dropped = embeddings_of(body)
        return Translated(made, EmbedFace(body["model"], request.received_at), dropped)

    def schema(self) -> SurfaceSchema:
        return EMBED


class OllamaSurface:
    """The plugin ``ollama_surface``."""

    @hookimpl
    def surface(self, context: SurfaceContext) -> Sequence[Surface]:
        return (_Chat(context.dialect), _Embed(context.dialect))


plugin = OllamaSurface()
