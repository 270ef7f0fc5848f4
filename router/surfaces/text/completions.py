"""The surface of legacy completions, ``POST /v1/completions``: through chat, or as it is for models of that kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import BadRequest
from router.surfaces.field_kinds import Either, Integer, JsonField, ListOf, Number, Stop, TextField, Typed
from router.surfaces.known_fields import dropped_fields, passed_on
from router.surfaces.measuring import Measure, json_bytes
from router.surfaces.media.fields import checked, described
from router.surfaces.surface import ServedCall, SurfaceSchema
from router.surfaces.text.completion_face import CompletionFace
from router.surfaces.text.completion_reader import CompletionReader
from router.surfaces.text.paths import beside_chat
from router.surfaces.translated import Translated, TranslatedSurface, TranslationRequest
from router.types.dialect import Dialect

__all__ = ["CompletionsSurface"]

_CAP = 16
"""Tokens, where a body names no cap: what OpenAI's API says."""
_MOST = 128
_PROMPTS_MAX = 2048
_PROMPT = f"a string, a list of tokens, or a list of 1 to {_PROMPTS_MAX} of them"
_TOKENS = ListOf(Integer(), 1)
_FIELDS: Mapping[str, JsonField] = {
    "prompt": Either(
        _PROMPT, TextField(), _TOKENS, ListOf(Either("a prompt", TextField(), _TOKENS), 1, _PROMPTS_MAX), required=True
    ),
    "stream": Typed("true or false", bool),
    "stream_options": Typed("an object", dict),
    "temperature": Number(0, 2),
    "top_p": Number(0, 1),
    "n": Integer(1, _MOST),
    "best_of": Integer(1, _MOST),
    "max_tokens": Integer(1),
    "stop": Stop(),
    "frequency_penalty": Number(-2, 2),
    "presence_penalty": Number(-2, 2),
    "logprobs": Integer(0, 5),
    "echo": Typed("true or false", bool),
    "suffix": TextField(),
    "logit_bias": Typed("an object", dict),
    "seed": Integer(),
    "user": TextField(),
}
_SAME = (
    "temperature",
    "top_p",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "seed",
    "user",
    "stream",
)
_ANSWER = {
    "type": "object",
    "required": ["id", "object", "choices"],
    "properties": {"id": {"type": "string"}, "object": {"const": "text_completion"}, "choices": {"type": "array"}},
}
_EVENT = {
    "type": "object",
    "description": "With `stream`: events whose data is such an answer, or an error, then `[DONE]`.",
    "required": ["data"],
    "properties": {"data": {"type": "string"}},
}


class CompletionsSurface(TranslatedSurface):
    """OpenAI's completions of a prompt: one answer of a chat to one message of its user's."""

    name = hook = "completions"

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """See ``Surface``."""
        return beside_chat(dialect, "/completions")

    def serves(self, kind: str, hook: str) -> bool:
        """Models of the kind ``completions`` as they are; all others as a chat."""
        return kind == self.hook if hook == self.hook else kind in ("", self.modality)

    def look(self, body: Mapping[str, Any]) -> Measure:
        """See ``Surface``: each prompt, a message of the chat's, is answered so many times."""
        found = super().look(body)
        found.prompts = len(body["messages"])
        found.choices *= found.prompts
        return found

    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        """See ``TranslatedSurface``."""
        dropped = dropped_fields(body)
        body = passed_on(body)
        checked(body, _FIELDS)
        prompts = _prompts(body["prompt"])
        chat: dict[str, Any] = {"model": body["model"]}
        chat["messages"] = [{"role": "user", "content": one if isinstance(one, str) else ""} for one in prompts]
        chat["max_tokens"] = _CAP if body.get("max_tokens") is None else body["max_tokens"]
        chat |= {name: body[name] for name in _SAME if body.get(name) is not None}
        if chat.get("stream"):
            chat["stream_options"] = {"include_usage": True}
        answers = max(body.get("n") or 1, body.get("best_of") or 1)
        if answers > 1:
            chat["n"] = answers
        known = {*_FIELDS, "model"}
        dropped += sorted(name for name in body if name not in known)
        face = CompletionFace(request.request_id, request.said, include_usage=_asks_for_usage(body))
        unseen = json_bytes(body["prompt"]) + json_bytes(body.get("suffix"))
        return Translated(chat, face, dropped, native_only=_refusal(body, prompts), unseen_bytes=unseen)

    def native_reader(self, call: ServedCall) -> CompletionReader:
        """See ``TranslatedSurface``."""
        face = call.face
        assert isinstance(face, CompletionFace)
        return CompletionReader(call, face)

    def native(self, call: ServedCall, chat: Mapping[str, Any], model: str) -> Mapping[str, Any]:
        """The client's body, with the cap and the user's name that the line has settled."""
        body = {**passed_on(call.source), "model": model}
        cap = chat.get("max_completion_tokens", chat.get("max_tokens"))
        if cap is not None:
            body["max_tokens"] = cap
        if "user" in chat:
            body["user"] = chat["user"]
        return body

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        answers: dict[str, Mapping[str, Any]] = {"application/json": _ANSWER, "text/event-stream": _EVENT}
        example = {"prompt": "Say this is a test", "max_tokens": 7}
        summary = "A completion of a prompt; chat models answer one text."
        return SurfaceSchema("createCompletion", summary, described(_FIELDS), answers, example, kind="completions")


def _asks_for_usage(body: Mapping[str, Any]) -> bool:
    """Whether the client wants the usage of its stream."""
    options = body.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


def _prompts(prompt: Any) -> list[Any]:
    """The prompts of a body that was checked: texts, or lists of tokens."""
    return [prompt] if isinstance(prompt, str) or type(prompt[0]) is int else prompt


def _refusal(body: Mapping[str, Any], prompts: list[Any]) -> BadRequest | None:
    """What only a model of the kind ``completions`` can do of a body; None where that is nothing."""
    wanted = None
    if len(prompts) > 1 or not isinstance(prompts[0], str):
        wanted = "prompt", "one text: send one call for each prompt, and texts in place of tokens"
    elif (body.get("best_of") or 1) > (body.get("n") or 1):
        wanted = "best_of", "no more than 'n'"
    elif body.get("echo"):
        wanted = "echo", "false"
    elif body.get("suffix"):
        wanted = "suffix", "left out"
    elif body.get("logprobs") is not None:
        wanted = "logprobs", "left out; POST /v1/chat/completions has them"
    if wanted is None:
        return None
    name, must = wanted
    message = f"This model is a chat model, and answers legacy completions as such: '{name}' must be {must}."
    return BadRequest(message, code="unsupported_parameter", param=name)
