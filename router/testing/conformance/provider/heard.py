"""A client without an SDK: sends a call to the gateway, and reads what comes back as OpenAI's API has it."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import sseclient

__all__ = ["NO_HEADERS", "Heard", "listen", "opened"]

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Heard:
    """A whole response of the gateway.

    Attributes:
        status, headers: lower-case names.
        raw: the body as it came.
        values: the decoded body, or the decoded events.
        done: whether a stream said ``[DONE]``.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes = field(repr=False)
    values: list[Any] = field(repr=False)
    done: bool = False

    @property
    def request_id(self) -> str:
        """The call's ID, which its usage row has too."""
        return self.headers.get("x-request-id", "")

    @property
    def error(self) -> Mapping[str, Any]:
        """The error body, or the error event of a stream; empty where there is none."""
        found = [value["error"] for value in self.values if isinstance(value, dict) and "error" in value]
        return found[-1] if found and isinstance(found[-1], dict) else {}

    @property
    def usages(self) -> list[Any]:
        """Every ``usage`` that is there and not null."""
        return [value["usage"] for value in self.values if isinstance(value, dict) and value.get("usage")]

    @property
    def finish_reason(self) -> Any:
        """The last one said; None where none was."""
        return next((c["finish_reason"] for c in reversed(self._choices) if c.get("finish_reason")), None)

    @property
    def content(self) -> str:
        """The text of the answer."""
        return self._joined("content")

    @property
    def reasoning(self) -> str:
        """The reasoning, in either of the fields that clients look for it in."""
        return self._joined("reasoning_content") or self._joined("reasoning")

    @cached_property
    def tool_calls(self) -> list[tuple[str, str, str]]:
        """Every tool call as (ID, name, arguments), its pieces put together by their index."""
        calls: dict[int, list[str]] = {}
        for said in self._said:
            for position, call in enumerate(said.get("tool_calls") or ()):
                parts = calls.setdefault(call.get("index", position), ["", "", ""])
                function = call.get("function") or {}
                pieces = (call.get("id"), function.get("name"), function.get("arguments"))
                for number, piece in enumerate(pieces):
                    parts[number] += piece or ""
        return [(parts[0], parts[1], parts[2]) for _, parts in sorted(calls.items())]

    @cached_property
    def tool_indexes(self) -> list[int]:
        """The indexes of a stream's tool calls, each once, in their order; empty for a plain reply."""
        calls = [call for said in self._said for call in said.get("tool_calls") or ()]
        return list(dict.fromkeys(call["index"] for call in calls if "index" in call))

    @property
    def _choices(self) -> list[Any]:
        return [choice for value in self.values if isinstance(value, dict) for choice in value.get("choices") or ()]

    @property
    def _said(self) -> list[Any]:
        return [choice.get("message") or choice.get("delta") or {} for choice in self._choices]

    def _joined(self, name: str) -> str:
        return "".join(said.get(name) or "" for said in self._said if isinstance(said.get(name), str))


@contextlib.contextmanager
def opened(
    base_url: str, api_key: str, path: str, body: Mapping[str, Any], more: Mapping[str, str] = NO_HEADERS
) -> Iterator[http.client.HTTPResponse]:
    """The response to a ``POST`` as soon as its head is there; leaving the block hangs up.

    Args:
        more: request headers.
    """
    connection = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=_PATIENCE_S)
    headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json", "Connection": "close"}
    headers |= more
    try:
        connection.request("POST", urlsplit(base_url).path + path, json.dumps(body).encode(), headers)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def listen(
    base_url: str, api_key: str, path: str, body: Mapping[str, Any], more: Mapping[str, str] = NO_HEADERS
) -> Heard:
    """``POST`` a body and read the response to its end; arguments as of ``opened``."""
    with opened(base_url, api_key, path, body, more) as response:
        headers = {name.lower(): value for name, value in response.getheaders()}
        raw = response.read()
        if "event-stream" not in headers.get("content-type", ""):
            return Heard(response.status, headers, raw, [_decoded(raw)])
    texts = [event.data for event in sseclient.SSEClient(iter([raw])).events()]
    values = [_decoded(text) for text in texts if text != "[DONE]"]
    return Heard(response.status, headers, raw, values, done="[DONE]" in texts)


def _decoded(text: bytes | str) -> Any:
    """The JSON; the text itself where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
