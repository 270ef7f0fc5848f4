"""A dialect: what the gateway's own wire looks like to its clients. The base class speaks OpenAI's.

A dialect plugin returns an instance of ``Dialect`` or of a subclass from its ``dialect`` hook. Everything that does not
differ between dialects lives in the host.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from router.errors import RouterError
from router.types import ModelCard

__all__ = ["Dialect"]


class Dialect:
    """OpenAI's shapes; override what differs.

    Attributes:
        key_prefix: what new keys begin with, unless ``[gateway] key_prefix`` says otherwise.
        chat_paths: paths that serve chat completions.
        embeddings_paths: paths that serve embeddings.
        models_paths: paths that list models; ``<path>/<id>`` shows one.
        shows_served: whether ``x-router-provider``, ``x-router-model`` and ``x-router-attempts`` are sent.
    """

    key_prefix: str = "sk-"
    chat_paths: tuple[str, ...] = ("/v1/chat/completions",)
    embeddings_paths: tuple[str, ...] = ("/v1/embeddings",)
    models_paths: tuple[str, ...] = ("/v1/models",)
    shows_served: bool = True

    def error_status(self, error: RouterError) -> int:
        """HTTP status for an error."""
        return error.status

    def error_body(self, error: RouterError) -> Mapping[str, Any]:
        """The JSON body for an error, also the payload of an error event in a stream."""
        return {
            "error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code},
        }

    def model(self, model_id: str, card: ModelCard) -> Mapping[str, Any]:
        """One model as ``GET /v1/models/<id>`` shows it."""
        return {"id": model_id, "object": "model", "created": card.created, "owned_by": card.owned_by}

    def models(self, cards: Iterable[tuple[str, ModelCard]]) -> Any:
        """The answer of ``GET /v1/models``."""
        return {"object": "list", "data": [self.model(model_id, card) for model_id, card in cards]}

    def frames(self, chunks: Sequence[bytes]) -> bytes:
        """The stream events around the JSON texts of some chunks, at least one, joined: they become one write."""
        return b"data: " + b"\n\ndata: ".join(chunks) + b"\n\n"

    def error_frame(self, error: RouterError) -> bytes:
        """The event that ends a stream which failed after its first output."""
        return self.frames([json.dumps(self.error_body(error)).encode("ascii")])

    def end_frame(self) -> bytes:
        """The event that ends a complete stream."""
        return b"data: [DONE]\n\n"

    def heartbeat(self) -> bytes:
        """What keeps proxies awake while the upstream is silent: a comment, ended by one newline."""
        return b": keep-alive\n"
