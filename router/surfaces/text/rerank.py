"""The surface of documents that are ranked by a query: ``POST /v1/rerank``, as Cohere and Jina have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.surfaces.field_kinds import Either, Integer, JsonField, ListOf, Members, TextField, Typed
from router.surfaces.measuring import Measure, json_bytes, text_bytes
from router.surfaces.media.fields import NotStreamed, checked, described, prompt_bytes
from router.surfaces.surface import ServedCall, Surface, SurfaceSchema
from router.surfaces.text.paths import beside_chat
from router.surfaces.text.plain_reader import PlainReader
from router.types.dialect import Dialect
from router.types.records import Units, Usage

__all__ = ["DOCUMENTS_EACH", "RerankSurface"]

DOCUMENTS_EACH = 100
"""Documents that one search may rank."""
_PIECE_TOKENS = 500  # a longer document counts as several, the query being a part of each
_DOCUMENTS_MAX = 10_000
_BYTES_PER_TOKEN = 4
_FIELDS: Mapping[str, JsonField] = {
    "query": TextField(least=1, required=True),
    "documents": ListOf(Either("a string or an object", TextField(), Members()), 1, _DOCUMENTS_MAX, required=True),
    "top_n": Integer(1),
    "return_documents": Typed("true or false", bool),
    "stream": NotStreamed("Rankings"),
}
_RANK = {"type": "object", "properties": {"index": {"type": "integer"}, "relevance_score": {"type": "number"}}}
_ANSWER = {
    "type": "object",
    "required": ["results"],
    "properties": {"results": {"type": "array", "items": _RANK}},
}


class RerankSurface(Surface):
    """A query, and documents to be put in order by how well they answer it."""

    name = hook = modality = "rerank"
    speaks = False

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """See ``Surface``."""
        return beside_chat(dialect, "/rerank")

    def look(self, body: Mapping[str, Any]) -> Measure:
        """See ``Surface``."""
        checked(body, _FIELDS)
        query, documents = text_bytes(body["query"]), body["documents"]
        sizes = [json_bytes(one) for one in documents]
        beside = prompt_bytes(body, frozenset({"query", "documents"}))
        units = Units(searches=_searches(sum(_pieces(size, query) for size in sizes)))
        return Measure(beside, inputs=tuple(size + query for size in sizes), units=units)

    def reader(self, call: ServedCall) -> PlainReader:
        """See ``Surface``."""
        documents = call.body["documents"]
        tokens = json_bytes(documents) // _BYTES_PER_TOKEN
        return PlainReader(call, "results", Usage(tokens, units=Units(searches=_searches(len(documents)))))

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        example = {"query": "capital of France", "documents": ["Paris", "Rome"], "top_n": 1}
        answers = {"application/json": _ANSWER}
        return SurfaceSchema("rerank", "Documents by relevance.", described(_FIELDS), answers, example)


def _pieces(size: int, query: int) -> int:
    """As how many documents one of so many bytes can count at most; no token is shorter than a byte."""
    room = max(_PIECE_TOKENS // 2, _PIECE_TOKENS - query)
    return max(1, -(-size // room))


def _searches(documents: int) -> int:
    return -(-documents // DOCUMENTS_EACH)
