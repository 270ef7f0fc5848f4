"""The face of one legacy completion: chat's answers as texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.errors import RouterError
from router.surfaces.face import TranslatingFace
from router.upstream.wire import dump_json

__all__ = ["CompletionFace"]


class CompletionFace(TranslatingFace):
    """One call's face.

    Args:
        request_id: the call's; the answer's ID is made of it.
        said: what a client may read of an error.
        include_usage: whether the client asked for the usage of a stream.
    """

    def __init__(self, request_id: str, said: Callable[[RouterError], str], *, include_usage: bool) -> None:
        self._id = f"cmpl-{request_id}"
        self._said = said
        self.include_usage = include_usage

    def body(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``TranslatingFace``."""
        choices = [self._choice(one, (one.get("message") or {}).get("content")) for one in answer["choices"]]
        return {**self._head(answer), "choices": choices, "usage": answer.get("usage")}

    def frames(self, chunks: Sequence[bytes], /) -> bytes:
        """See ``TranslatingFace``."""
        return b"".join(filter(None, (self._frame(json.loads(chunk)) for chunk in chunks)))

    def end_frame(self) -> bytes:
        """See ``StreamEnds``."""
        return b"data: [DONE]\n\n"

    def error_frame(self, error: RouterError, /) -> bytes:
        """See ``StreamEnds``."""
        told = {"message": self._said(error), "type": error.type, "param": error.param, "code": error.code}
        return b"data: " + dump_json({"error": told}) + b"\n\n"

    def _frame(self, chunk: Mapping[str, Any]) -> bytes | None:
        choices = []
        for one in chunk.get("choices") or ():
            text = (one.get("delta") or {}).get("content")
            if text or one.get("finish_reason"):
                choices.append(self._choice(one, text))
        usage = chunk.get("usage") if self.include_usage else None
        if not choices and not usage:
            return None
        shown = {**self._head(chunk), "choices": choices, **({"usage": usage} if self.include_usage else {})}
        return b"data: " + dump_json(shown) + b"\n\n"

    def _head(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        created = answer.get("created")
        return {
            "id": self._id,
            "object": "text_completion",
            "created": created if isinstance(created, int) else 0,
            "model": answer.get("model"),
        }

    def _choice(self, choice: Mapping[str, Any], text: Any) -> dict[str, Any]:
        index = choice.get("index")
        return {
            "text": text if isinstance(text, str) else "",
            "index": index if isinstance(index, int) else 0,
            "logprobs": None,
            "finish_reason": choice.get("finish_reason"),
        }
