"""What Google's clients ask besides calls: which models there are, and how many tokens a prompt has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from router_plugins.google_surface.request import chat_of

from router import BadRequest, Listed, ModelNotFound
from router.surfaces import Measure, SurfaceAnswer, SurfaceRequest, decode_json

__all__ = ["count_tokens", "list_models", "show_model"]

_PAGE_MAX = 1000
_BYTES_PER_TOKEN, _TOKENS_PER_MEDIUM = 4, 258
_ESTIMATE = {"Content-Type": "application/json", "x-router-token-count": "estimate"}
_METHODS: Mapping[str, list[str]] = {
    "chat": ["generateContent", "streamGenerateContent", "countTokens"],
    "embeddings": ["embedContent", "batchEmbedContents"],
}


def list_models(request: SurfaceRequest) -> SurfaceAnswer:
    """A page of the models that the key can call; all of them where no ``pageSize`` is named."""
    found = [_shown(one) for one in request.models() if (one.card.kind or "chat") in _METHODS]
    start, size = _number(request, "pageToken", 0), _number(request, "pageSize", len(found))
    end = start + min(max(size, 1), _PAGE_MAX) if "pageSize" in request.query else len(found)
    page: dict[str, Any] = {"models": found[start:end]}
    return _answer(page | ({"nextPageToken": str(end)} if end < len(found) else {}))


def show_model(request: SurfaceRequest) -> SurfaceAnswer:
    """One model."""
    wanted = request.arguments["model_id"]
    for one in request.models():
        if one.id == wanted and (one.card.kind or "chat") in _METHODS:
            return _answer(_shown(one))
    raise ModelNotFound(f"There is no model '{wanted}' for this key. GET /v1beta/models lists what there is.")


def count_tokens(request: SurfaceRequest, measure: Callable[[Mapping[str, Any]], Measure]) -> SurfaceAnswer:
    """How many tokens a prompt has, about: four bytes a token. It is free, and no call.

    Args:
        measure: of a chat body.
    """
    body = decode_json(request.read())
    inner = body.get("generateContentRequest")
    given, before = (body, "") if inner is None else (inner, "generateContentRequest.")
    if not isinstance(given, dict):
        raise BadRequest(f"'{before[:-1]}' must be an object.", code="invalid_type", param=before[:-1])
    model = request.arguments["model"]
    if given.get("model") not in (None, "", model, f"models/{model}"):
        message = f"'{before}model' is not the model of the path: leave it out, or send the same."
        raise BadRequest(message, code="ambiguous_model", param=f"{before}model")
    found = measure(chat_of({**given, "model": model}, _no_proof, stream=False)[0])
    media = found.images + found.audios + found.files
    total = max(1, found.text_bytes // _BYTES_PER_TOKEN) + _TOKENS_PER_MEDIUM * media
    return SurfaceAnswer(json.dumps({"totalTokens": total}).encode("ascii"), headers=_ESTIMATE)


def _no_proof(text: str) -> None:
    """What providers want back is counted as nothing."""


def _shown(listed: Listed) -> dict[str, Any]:
    card = listed.card
    found: dict[str, Any] = {
        "name": f"models/{listed.id}",
        "version": "1",
        "displayName": listed.id,
        "supportedGenerationMethods": _METHODS[card.kind or "chat"],
    }
    found |= {} if listed.context_window is None else {"inputTokenLimit": listed.context_window}
    return found | ({} if card.max_output is None else {"outputTokenLimit": card.max_output})


def _number(request: SurfaceRequest, name: str, usual: int) -> int:
    text = request.query.get(name) or str(usual)
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise BadRequest(f"'{name}' must be a whole number.", code="invalid_value", param=name)
    return int(text)


def _answer(value: Mapping[str, Any]) -> SurfaceAnswer:
    return SurfaceAnswer(json.dumps(value).encode("ascii"))
