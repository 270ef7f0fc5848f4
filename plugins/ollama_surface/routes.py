"""What Ollama's clients ask besides calls: which models there are, and what version answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from router import BadRequest, Listed, ModelNotFound
from router.surfaces import SurfaceAnswer, SurfaceRequest, decode_json

__all__ = ["list_models", "show_model", "show_version"]

_VERSION = "0.12.11"
"""Of Ollama, whose API this is: clients ask whether it is new enough for tools and thinking."""
_KINDS: Mapping[str, list[str]] = {"chat": ["completion", "tools"], "embeddings": ["embedding"]}


def list_models(request: SurfaceRequest) -> SurfaceAnswer:
    """``/api/tags``: the models that the key can call."""
    found = [_tag(one) for one in request.models() if (one.card.kind or "chat") in _KINDS]
    return _answer({"models": found})


def show_model(request: SurfaceRequest) -> SurfaceAnswer:
    """``/api/show``: one model."""
    body = decode_json(request.read())
    wanted = body.get("name") if body.get("model") is None else body["model"]
    if not isinstance(wanted, str) or not wanted:
        raise BadRequest("'model' must be the name of a model.", code="invalid_type", param="model")
    for one in request.models():
        if one.id == wanted:
            return _answer(_described(one))
    raise ModelNotFound(f"model '{wanted}' not found. GET /api/tags lists what there is.")


def show_version(request: SurfaceRequest) -> SurfaceAnswer:
    """``/api/version``."""
    return _answer({"version": _VERSION})


def _tag(listed: Listed) -> dict[str, Any]:
    digest = hashlib.sha256(listed.id.encode("utf-8", "surrogatepass")).hexdigest()
    head = {"name": listed.id, "model": listed.id, "modified_at": _modified(listed)}
    return head | {"size": 0, "digest": digest, "details": _details(listed)}


def _described(listed: Listed) -> dict[str, Any]:
    info: dict[str, Any] = {"general.architecture": "remote"}
    if listed.context_window is not None:
        info["remote.context_length"] = listed.context_window
    kinds = list(_KINDS.get(listed.card.kind or "chat", ()))
    kinds += ["thinking"] if listed.card.reasoning else []
    about = {"details": _details(listed), "model_info": info, "capabilities": kinds}
    return about | {"modified_at": _modified(listed)}


def _details(listed: Listed) -> dict[str, Any]:
    family = listed.owned_by or "remote"
    details = {"parent_model": "", "format": "remote", "family": family, "families": [family]}
    return details | {"parameter_size": "", "quantization_level": ""}


def _modified(listed: Listed) -> str:
    return datetime.fromtimestamp(listed.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answer(value: Mapping[str, Any]) -> SurfaceAnswer:
    return SurfaceAnswer(json.dumps(value).encode("ascii"))
