"""What the tests of the Responses API share: a gateway before one scripted upstream, which plays every provider."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, token_usage
from router.testing.upstream.wires.anthropic import ANTHROPIC
from router.testing.upstream.wires.deepseek import DEEPSEEK
from router.testing.upstream.wires.gemini import GEMINI
from router.testing.upstream.wires.ollama import OLLAMA
from router.testing.upstream.wires.openai import OPENAI
from router.testing.upstream.wires.shape import Wire

__all__ = [
    "CALL",
    "CHAT_USAGE",
    "ID",
    "NATIVE",
    "TOOL",
    "TRANSLATED",
    "WIRES",
    "Hall",
    "events_in",
    "native_events",
    "native_plain",
    "native_stream",
    "sections",
]

TRANSLATED = ("anthropic", "deepseek", "gemini", "ollama")
"""Plugins that are asked through chat here."""
WIRES: Mapping[str, Wire] = {wire.name: wire for wire in (OPENAI, DEEPSEEK, OLLAMA, ANTHROPIC, GEMINI)}
NATIVE = "openai/gpt-4o"
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}
CALL = ("get_weather", '{"location":"Oslo"}')
CHAT_USAGE = token_usage(9, 12)
ID = "resp_upstream01"
_BEGINNINGS = ("created", "in_progress")
_USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 37,
}


@dataclass(frozen=True)
class Hall:
    """A running gateway, the upstream of all its sections, and OpenAI's SDK before it."""

    gateway: Gateway
    upstream: ScriptedUpstream

    def sdk(self, **options: Any) -> openai.OpenAI:
        """A client that repeats nothing."""
        settings = {"base_url": self.gateway.base_url, "api_key": self.gateway.api_key, "max_retries": 0, "timeout": 20}
        return openai.OpenAI(**{**settings, **options})

    def post(self, body: Any, path: str = "", key: str | None = None, **headers: str) -> httpx2.Response:
        """A request as bytes on the wire; ``body`` as it is where it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, key, content=data, headers={"content-type": "application/json", **headers})

    def ask(self, method: str, path: str = "", key: str | None = None, **options: Any) -> httpx2.Response:
        """Any request below ``/v1/responses``."""
        given = {"authorization": f"Bearer {self.gateway.api_key if key is None else key}"}
        headers = {**given, **options.pop("headers", {})}
        url = f"{self.gateway.base_url}/responses{path}"
        return httpx2.request(method, url, headers=headers, timeout=20, **options)

    def usage(self, answer: httpx2.Response) -> Any:
        """The one usage row of an answered call."""
        rows = self.gateway.router("usage", "show", "--limit", "1000")
        (found,) = (row for row in rows if row["request_id"] == answer.headers["x-request-id"])
        return found

    def verified(self) -> bool:
        """Whether the books are right."""
        return bool(self.gateway.router("ledger", "verify")["ok"])

    def model_of(self, plugin: str) -> str:
        """A model of a plugin's that the gateway has a price for."""
        return f"{plugin}/{WIRES[plugin].model}"

    def other_key(self, name: str) -> str:
        """The key of another account, with money."""
        account = self.gateway.router("accounts", "create", name)["id"]
        self.gateway.router("credits", "grant", account, "5", "--reason", "test")
        made: str = self.gateway.router("keys", "create", "--account", account)["api_key"]
        return made


def sections(upstream: ScriptedUpstream, **more: Mapping[str, Any]) -> dict[str, Any]:
    """A section of each plugin that is played, and others of one's own."""
    own = {name: _section(name, upstream) for name in (*TRANSLATED, "openai")}
    return {**own, "echo": {}, **{name: {**_section(str(one["kind"]), upstream), **one} for name, one in more.items()}}


def _section(plugin: str, upstream: ScriptedUpstream) -> dict[str, Any]:
    wire = WIRES.get(plugin, OPENAI)
    url = upstream.url.removesuffix("/v1") + wire.base_path
    return {"kind": plugin, "base_url": url, "api_key": f"sk-{plugin}-secret", "unlisted": True}


def native_items(words: Sequence[str], calls: Sequence[tuple[str, str]], proof: str) -> list[dict[str, Any]]:
    """The output of an upstream's answer."""
    items: list[dict[str, Any]] = []
    if proof:
        items.append({"id": "rs_up", "type": "reasoning", "summary": [], "encrypted_content": proof})
    if words:
        part = {"type": "output_text", "text": "".join(words), "annotations": [], "logprobs": []}
        message = {"id": "msg_up", "type": "message", "role": "assistant", "status": "completed"}
        items.append({**message, "content": [part]})
    for number, (name, arguments) in enumerate(calls):
        call = {"id": f"fc_up{number}", "type": "function_call", "call_id": f"call_up{number}", "name": name}
        items.append({**call, "arguments": arguments, "status": "completed"})
    return items


def native_response(*words: str, calls: Sequence[tuple[str, str]] = (), proof: str = "", **more: Any) -> dict[str, Any]:
    """A response object of an upstream's."""
    return {
        "id": ID,
        "object": "response",
        "created_at": 1_700_000_000,
        "completed_at": 1_700_000_001,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "gpt-4o-2024-08-06",
        "instructions": None,
        "previous_response_id": None,
        "tools": [],
        "tool_choice": "auto",
        "truncation": "disabled",
        "parallel_tool_calls": True,
        "text": {"format": {"type": "text"}},
        "top_p": 1.0,
        "temperature": 1.0,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "reasoning": {"effort": None, "summary": None},
        "user": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "store": False,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
        "a_field_of_tomorrow": {"kept": True},
        "output": native_items(words, calls, proof),
        "usage": _USAGE,
        **more,
    }


def native_plain(*words: str, **more: Any) -> Answer:
    """An upstream's plain answer."""
    return Answer(native_response(*words, **more))


def native_events(
    *words: str, calls: Sequence[tuple[str, str]] = (), end: str = "completed", **more: Any
) -> list[bytes]:
    """An upstream's events, each with its name."""
    whole = native_response(*words, calls=calls, **more)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    made: list[dict[str, Any]] = [
        {"type": f"response.{name}", "response": begun} for name in ("created", "in_progress")
    ]
    for index, item in enumerate(whole["output"]):
        place = {"item_id": item["id"], "output_index": index}
        empty = {**item, **({"content": []} if item["type"] == "message" else {"arguments": ""})}
        made.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        if item["type"] == "message":
            part = item["content"][0]
            text = {**place, "content_index": 0}
            made.append({"type": "response.content_part.added", **text, "part": {**part, "text": ""}})
            made += [{"type": "response.output_text.delta", **text, "delta": word, "logprobs": []} for word in words]
            made.append({"type": "response.output_text.done", **text, "text": part["text"], "logprobs": []})
            made.append({"type": "response.content_part.done", **text, "part": part})
        elif item["type"] == "function_call":
            name = "response.function_call_arguments"
            made.append({"type": f"{name}.delta", **place, "delta": item["arguments"]})
            made.append({"type": f"{name}.done", **place, "name": item["name"], "arguments": item["arguments"]})
        made.append({"type": "response.output_item.done", "output_index": index, "item": item})
    made.append({"type": f"response.{end}", "response": whole})
    return [
        f"event: {one['type']}\ndata: {json.dumps({**one, 'sequence_number': number})}\n\n".encode()
        for number, one in enumerate(made)
    ]


def native_stream(*words: str, **more: Any) -> Stream:
    """An upstream's stream, without any ``[DONE]``."""
    return Stream(native_events(*words, **more), done=False)


def events_in(stream: bytes) -> list[dict[str, Any]]:
    """The data of each event of a stream, whose name is the type in it."""
    found = []
    for block in stream.decode().split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith(":")]
        if lines:
            value = json.loads(lines[1].removeprefix("data: "))
            assert lines[0] == f"event: {value['type']}"
            found.append(value)
    return found
