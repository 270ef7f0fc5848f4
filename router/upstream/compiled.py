"""A provider's calls, compiled: all that calls of one kind to one model at one endpoint have in common is done once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Protocol

import msgspec

from router.config.provider import Timeouts
from router.http_client.deadlines import CallDeadlines
from router.http_client.exchange import exchange
from router.http_client.pool import Pool, PoolTransport
from router.types.records import AnyCall, CallContext, Item, Reply
from router.types.request_rules import CAPS
from router.types.transport import Request, Response, Sending
from router.upstream.wire import dump_json

__all__ = ["CallWire", "CompiledWire", "Steps", "WireCall", "renamed"]

_NO_LENGTH = b"Content-Length: 0\r\n\r\n"
_encode = msgspec.json.Encoder().encode


class WireCall(Protocol):
    """A call, as a wire needs it. ``call`` is made when a step asks for it."""

    @property
    def body(self) -> Mapping[str, Any]: ...

    @property
    def stream(self) -> bool: ...

    @property
    def call(self) -> AnyCall: ...


class CallWire(Protocol):
    """What a ``compiled`` hook gives. It does what the hooks ``chat`` and ``embeddings`` do, in steps.

    Attributes:
        edits: a plain reply whose text matches has to be made an item of by ``reply``; None for none.
        reads_usage: the ``usage`` of a plain reply is OpenAI's, so that nobody has to be asked to read it.
        reply_bytes_max: the largest plain reply.
    """

    @property
    def edits(self) -> re.Pattern[bytes] | None: ...

    @property
    def reads_usage(self) -> bool: ...

    @property
    def reply_bytes_max(self) -> int: ...

    def post(self, call: WireCall, body: Mapping[str, Any], timeouts: Timeouts, sending: Sending) -> Response:
        """Send a call; the response, once it is known to be a success. Close it.

        Args:
            body: of the call as this target is to see it.

        Raises:
            UpstreamError: the request failed, or was answered with an error.
        """
        ...

    def reply(self, response: Response, data: bytes) -> tuple[Reply, Item]:
        """A plain reply that has to be looked at, and its one item.

        Args:
            data: the response's whole body.
        """
        ...

    def stream(self, response: Response) -> Reply:
        """The reply to a call that asked for a stream."""
        ...


@dataclass(frozen=True, slots=True)
class Steps:
    """What a wire asks its plugin, call by call; None where the plugin has nothing of its own to say.

    Attributes:
        body: makes the whole body.
        message: edits one message.
        headers: the headers of one call, the fixed ones included.
    """

    body: Callable[[Any, CallContext], Mapping[str, Any]] | None = None
    message: Callable[[Mapping[str, Any], CallContext], Mapping[str, Any]] | None = None
    headers: Callable[[Any, CallContext], Mapping[str, str]] | None = None


class CompiledWire:
    """A ``CallWire`` to an upstream that speaks OpenAI's.

    Args:
        url: of the path.
        headers: of every call; asked for once.
        renames: request fields under another name; see ``CompatibleChatProvider.renames``.
        roles: message roles under another name.
        steps: what the plugin is asked call by call.
        refuse: raises what an answer that is no success means.
        reply, stream: see ``CallWire``.
    """

    def __init__(
        self,
        context: CallContext,
        url: str,
        headers: Mapping[str, str],
        *,
        renames: Mapping[str, str],
        roles: Mapping[str, str],
        steps: Steps,
        refuse: Callable[[Response], Any],
        reply: Callable[[Response, bytes], tuple[Reply, Item]],
        stream: Callable[[Response], Reply],
        edits: re.Pattern[bytes] | None,
        reads_usage: bool,
    ) -> None:
        self._context, self._url, self._headers = context, url, headers
        self._renames, self._renamed, self._roles = renames, frozenset(renames), roles
        self._steps, self._refuse = steps, refuse
        self.reply, self.stream = reply, stream
        self.edits, self.reads_usage = edits, reads_usage
        self.reply_bytes_max: int = context.settings.max_reply_bytes
        self._pool: Pool | None = None
        self._head = b""
        first = Request("POST", url, headers, b"")
        if isinstance(context.transport, PoolTransport):
            self._pool, head = context.transport.addressed(first)
            self._head = head.removesuffix(_NO_LENGTH) + b"Content-Length: "

    def post(self, call: WireCall, body: Mapping[str, Any], timeouts: Timeouts, sending: Sending) -> Response:
        """See ``CallWire.post``."""
        steps = self._steps
        if steps.body is None and steps.message is None:
            data = _encoded(self._body(call, body))
        else:
            data = dump_json(self._edited(call, body))
        if self._pool is None or steps.headers is not None:
            response = self._send(call, body, data, timeouts, sending)
        else:
            first, idle, whole, connect = timeouts.first_byte, timeouts.idle, timeouts.whole, timeouts.connect
            limits = CallDeadlines(
                inf if connect is None else connect,
                inf if first is None else first,
                inf if idle is None else idle,
                inf if whole is None else whole,
            )
            head = b"%b%d\r\n\r\n" % (self._head, len(data))
            response = exchange(self._pool, head, data, limits, sending)
        if response.status != 200:
            self._refuse(response)
        return response

    def _body(self, call: WireCall, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body as the base class makes it."""
        made = {**body, "model": self._context.model}
        if not self._renamed.isdisjoint(body):
            made = renamed(made, self._renames)
        roles = self._roles
        if roles:
            made["messages"] = [
                {**message, "role": roles[message["role"]]} if message["role"] in roles else message
                for message in made["messages"]
            ]
        if call.stream:
            options = body.get("stream_options")
            made["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        return made

    def _edited(self, call: WireCall, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body as the plugin's own steps make it."""
        if self._steps.body is not None:
            return self._steps.body(_as_seen(call, body), self._context)
        made = self._body(call, body)
        assert self._steps.message is not None
        made["messages"] = [self._steps.message(message, self._context) for message in made["messages"]]
        return made

    def _send(
        self, call: WireCall, body: Mapping[str, Any], data: bytes, timeouts: Timeouts, sending: Sending
    ) -> Response:
        """By the transport's own way: headers are this call's, or the transport is none of ours."""

        def sent() -> None:
            sending.taken_on = True

        headers = self._headers
        if self._steps.headers is not None:
            headers = self._steps.headers(_as_seen(call, body), self._context)
        request = Request("POST", self._url, headers, data, timeouts, sent)
        return self._context.transport.send(request, resent=sending.resent)


def renamed(body: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The body with fields under other names. Null is none; of two caps the other stays, of two other fields both do,
    for the upstream to judge.
    """
    for name, other in names.items():
        if name not in body:
            continue
        if body.get(other) is None:
            body[other] = body.pop(name)
        elif name in CAPS:
            del body[name]
    return body


def _as_seen(call: WireCall, body: Mapping[str, Any]) -> AnyCall:
    """The call as plugins see it, with the body of one target."""
    seen = call.call
    return seen if body is seen.body else replace(seen, body=body)


def _encoded(body: Mapping[str, Any]) -> bytes:
    """JSON of a body that was read from JSON, so that it holds nothing else; what cannot be UTF-8 is escaped."""
    try:
        return _encode(body)
    except (ValueError, TypeError, RecursionError):
        return dump_json(body)
