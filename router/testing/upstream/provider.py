"""The upstream's behaviour when nothing is scripted: a well-mannered provider that answers from the request.

The answer echoes the last user message word by word. A message with ``nonce=WORD`` is answered by ``chunks=N`` (8 where
it does not say) pieces that each carry the nonce, so that a test can prove that no piece went astray.
Tokens are counted in words: exact, and easily done in one's head.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from router.testing.upstream.connection import ReceivedRequest
from router.testing.upstream.scripts import Answer, Script, Stream
from router.testing.upstream.wire import chunks, completion, embeddings, models, token_usage

__all__ = ["ScriptedProvider"]


class ScriptedProvider:
    """Answers requests as OpenAI would.

    Args:
        models: what the models list names; other models are served all the same.
        api_key: when given, other keys get a 401.
        gap_s: seconds between two events of a stream.
        any_credentials: whether it does not look at the key.
    """

    def __init__(
        self, models: Sequence[str], api_key: str | None = None, gap_s: float = 0.0, *, any_credentials: bool = False
    ) -> None:
        self._any_credentials = any_credentials
        self._models = tuple(models)
        self._api_key = api_key
        self._gap_s = gap_s
        self._routes: dict[tuple[str, str], Callable[[ReceivedRequest], Script]] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/embeddings"): _embed,
            ("GET", "/v1/models"): self._list,
        }

    def answer(self, request: ReceivedRequest) -> Script:
        """The response to a request, errors included."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = any(path == request.path for _, path in self._routes)
            return Answer.error(
                405 if known else 404, f"Invalid URL ({request.method} {request.path})", code="not_found"
            )
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        known = scheme == "Bearer" and self._api_key in (None, key)
        if not (known or self._any_credentials):
            return Answer.error(401, "Incorrect API key provided.")
        try:
            return route(request)
        except ValueError:
            return Answer.error(400, "We could not parse the JSON body of your request.")

    def _chat(self, request: ReceivedRequest) -> Script:
        body = request.json()
        fault = _missing(body, "model", "messages")
        if fault is not None:
            return fault
        fields, pieces = _reply(body)
        n = body.get("n") or 1
        written = sum(len(arguments.split()) for _, arguments in fields["tool_calls"]) + len(pieces)
        fields |= {"usage": token_usage(_prompt_tokens(body), written * n), "model": body["model"], "n": n}
        headers = {"x-request-id": f"req_scripted_{request.connection}", "x-ratelimit-remaining-requests": "9999"}
        if not body.get("stream"):
            content = None if fields["tool_calls"] else "".join(pieces)
            return Answer(completion(content, **fields), headers=headers)
        wanted = bool((body.get("stream_options") or {}).get("include_usage"))
        return Stream(chunks(*pieces, include_usage=wanted, **fields), headers=headers, gap_s=self._gap_s)

    def _list(self, request: ReceivedRequest) -> Script:
        return Answer(models(*self._models))


def _embed(request: ReceivedRequest) -> Script:
    body = request.json()
    fault = _missing(body, "model", "input")
    if fault is not None:
        return fault
    encoding = body.get("encoding_format") or "float"
    dimensions = body.get("dimensions") or 8
    return Answer(embeddings(body["input"], model=body["model"], dimensions=dimensions, encoding_format=encoding))


def _missing(body: Any, *names: str) -> Answer | None:
    for name in names:
        if not isinstance(body, dict) or not body.get(name):
            return Answer.error(
                400, f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name
            )
    return None


def _reply(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The builder's arguments, and the pieces of content."""
    text = _last_text(body)
    fields: dict[str, Any] = {
        "tool_calls": _tool_calls(body, text),
        "logprobs": bool(body.get("logprobs")),
        "top_logprobs": body.get("top_logprobs") or 0,
    }
    if fields["tool_calls"]:
        return fields, []
    pieces = _pieces(body, text)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or len(pieces)
    if len(pieces) > limit:
        fields["finish_reason"] = "length"
    return fields, pieces[:limit]


def _pieces(body: Mapping[str, Any], text: str) -> list[str]:
    form = body.get("response_format") or {}
    if form.get("type") == "json_object":
        return [json.dumps({"echo": text})]
    if form.get("type") == "json_schema":
        return [json.dumps(_instance(form["json_schema"].get("schema") or {}, text))]
    nonce = re.search(r"\bnonce=(\S+)", text)
    if nonce is None:
        return re.findall(r"\s*\S+", text)
    count = re.search(r"\bchunks=(\d+)", text)
    return [f"{nonce[1]}.{number} " for number in range(int(count[1]) if count else 8)]


def _tool_calls(body: Mapping[str, Any], text: str) -> list[tuple[str, str]]:
    """One call if the request insists on one: of the function it names, else of the first."""
    choice, tools = body.get("tool_choice"), body.get("tools") or []
    if not tools or not (choice == "required" or isinstance(choice, dict)):
        return []
    functions = {tool["function"]["name"]: tool["function"] for tool in tools if tool.get("type") == "function"}
    name = choice["function"]["name"] if isinstance(choice, dict) else next(iter(functions))
    return [(name, json.dumps(_instance(functions[name].get("parameters") or {}, text)))]


def _instance(schema: Mapping[str, Any], text: str) -> Any:
    """A value that a plain JSON schema allows; every string in it is ``text``."""
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object")
    simple: dict[str, Any] = {"string": text, "integer": 1, "number": 1.5, "boolean": True, "null": None}
    if kind == "array":
        return [_instance(schema.get("items") or {}, text)]
    if kind != "object":
        return simple.get(kind if isinstance(kind, str) else kind[0])
    return {name: _instance(inner, text) for name, inner in (schema.get("properties") or {}).items()}


def _texts(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content")
    if isinstance(content, list):
        return [part.get("text", "") for part in content if part.get("type") == "text"]
    return [content or ""]


def _last_text(body: Mapping[str, Any]) -> str:
    users = [message for message in body["messages"] if message.get("role") == "user"]
    return " ".join(_texts(users[-1])) if users else ""


def _prompt_tokens(body: Mapping[str, Any]) -> int:
    return sum(len(text.split()) for message in body["messages"] for text in _texts(message))
