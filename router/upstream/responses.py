"""The hook ``responses``, for providers that speak OpenAI's Responses API: bodies and events pass as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from router import hookimpl
from router.types.records import CallContext, Item, Reply, SurfaceCall, Usage
from router.types.transport import Response
from router.upstream.events import PassedEvents
from router.upstream.failures import failure_of
from router.upstream.provider import HttpProvider
from router.upstream.wire import usage_of

__all__ = ["ResponsesProvider", "response_usage"]

_ENDS = (b"response.completed", b"response.incomplete", b"response.failed")
_NAMES: Mapping[str, str] = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}


class ResponsesProvider(HttpProvider):
    """What a provider's plugin extends besides its own base class where ``/responses`` stands beside the rest."""

    @hookimpl
    def responses(self, call: SurfaceCall, context: CallContext) -> Reply:
        limit = context.settings.max_reply_bytes
        response = self.send("/responses", call.body, call, context)
        if not call.stream:
            return self._passed(_whole(response, limit), response, context)
        self.check_stream(response, context)
        events = PassedEvents(response, _is_last, limit)
        events.reply = self._passed(events, response, context)
        return events.reply

    def _passed(self, batches: Iterable[Sequence[Item]], response: Response, context: CallContext) -> Reply:
        """A reply whose items are the upstream's own."""
        limits = {name: value for name, value in response.headers.items() if name.startswith("x-ratelimit-")}
        return Reply(
            batches,
            read_usage=response_usage,
            read_error=partial(self._told, context),
            close=response.close,
            headers=limits,
        )

    def _told(self, context: CallContext, value: Any) -> Any:
        return self.error(failure_of(value), context)


def response_usage(value: Any) -> Usage | None:
    """The usage of a decoded response object; None where it tells none."""
    usage = value.get("usage") if isinstance(value, Mapping) else None
    if not isinstance(usage, Mapping):
        return None
    shown = {_NAMES.get(name, name): count for name, count in usage.items()}
    for name, chats in (("input_tokens_details", "prompt_tokens_details"), _OUTPUT_DETAILS):
        if isinstance(usage.get(name), Mapping):
            shown[chats] = usage[name]
    return usage_of(shown)


_OUTPUT_DETAILS = ("output_tokens_details", "completion_tokens_details")


def _whole(response: Response, limit_bytes: int) -> Iterator[Sequence[Item]]:
    """The one item of a plain answer."""
    yield [Item(response.read(limit_bytes).strip())]


def _is_last(data: bytes) -> bool:
    """Whether an event is the last of a stream: its type is looked at, for a text may say anything."""
    if not any(name in data for name in _ENDS):
        return False
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and str(value.get("type")).encode() in _ENDS
