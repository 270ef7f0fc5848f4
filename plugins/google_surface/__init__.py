"""Google's API towards clients: ``/v1beta/models/MODEL:generateContent`` and its kin, served through chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from router_plugins.google_surface.errors import error_body
from router_plugins.google_surface.face import ContentFace, EmbeddingFace
from router_plugins.google_surface.request import chat_of, embeddings_of
from router_plugins.google_surface.routes import count_tokens, list_models, show_model
from router_plugins.google_surface.schema import COUNT, EMBED, EMBED_BATCH, GENERATE, LIST, SHOW, STREAM

from router import Dialect, RouterError, hookimpl
from router.surfaces import (
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

_MODELS = "/v1beta/models"
_PLACES = (_MODELS, "/v1/models")
"""Where its clients look: the older of them in the beta, the younger in the first version."""

_KEY_HEADER = "x-goog-api-key"
_LISTS = ((_MODELS, ""), ("/v1/models", _KEY_HEADER))


def _described(schema: SurfaceSchema, header: str) -> SurfaceSchema | None:
    """A list that stands at another's path is described as that."""
    return None if header else schema


class _Google(TranslatedSurface):
    """What all calls of this wire share."""

    prefixes = (_MODELS, "/v1beta/cachedContents", "/v1beta/files", "/v1beta/tunedModels")
    key_header = _KEY_HEADER
    key_argument = "key"
    action: str
    described: SurfaceSchema

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        return tuple(f"{place}/<model>:{self.action}" for place in _PLACES)

    def schema(self) -> SurfaceSchema:
        return self.described

    def error_body(self, dialect: Dialect, error: RouterError, request_id: str) -> Mapping[str, Any]:
        return error_body(error, self.error_status(dialect, error), dialect.said(error))


class _Generate(_Google):
    name = "google"
    action = "generateContent"
    described = GENERATE
    streams = False

    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        model = body["model"]
        chat, thoughts, dropped = chat_of(body, partial(request.opened, model=model), stream=self.streams)
        face = ContentFace(
            request.request_id,
            model,
            thoughts=thoughts,
            events=self.streams and request.query.get("alt") == "sse",
            failed=lambda error: self.error_body(self._dialect, error, request.request_id),
            sealed=partial(request.sealed, model=model),
        )
        return Translated(chat, face, dropped)

    def routes(self) -> Sequence[SurfaceRoute]:
        count = partial(count_tokens, measure=self.look)
        counted = [SurfaceRoute("POST", f"{place}/<path:model>:countTokens", count, COUNT) for place in _PLACES]
        listed, shown = [], []
        for place, header in _LISTS:
            listed.append(SurfaceRoute("GET", place, list_models, _described(LIST, header), header))
            one = f"{place}/<path:model_id>"
            shown.append(SurfaceRoute("GET", one, show_model, _described(SHOW, header), header))
        return (*listed, *shown, *counted)


class _Stream(_Generate):
    name = "google_stream"
    action = "streamGenerateContent"
    described = STREAM
    streams = True

    def routes(self) -> Sequence[SurfaceRoute]:
        return ()


class _Embed(_Google, TranslatedEmbeddings):
    name = "google_embed"
    action = "embedContent"
    described = EMBED
    batch = False

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        return super().paths(dialect) if dialect.embeddings_paths else ()

    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        made, dropped = embeddings_of(body, batch=self.batch)
        return Translated(made, EmbeddingFace(batch=self.batch), dropped)


class _EmbedBatch(_Embed):
    name = "google_embed_batch"
    action = "batchEmbedContents"
    described = EMBED_BATCH
    batch = True


class GoogleSurface:
    """The plugin ``google_surface``."""

    @hookimpl
    def surface(self, context: SurfaceContext) -> Sequence[Surface]:
        return tuple(kind(context.dialect) for kind in (_Generate, _Stream, _Embed, _EmbedBatch))


plugin = GoogleSurface()
