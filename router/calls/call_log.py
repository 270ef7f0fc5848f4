"""The lines of the log that tell of requests. Usage rows are made in ``calls/call``."""

from __future__ import annotations

import json
import os
import sys
import time
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

import gevent
from gevent.lock import RLock

from router.errors import RouterError
from router.money.amounts import format_nano
from router.types.masking import masked, one_line
from router.types.peer import NOBODY, Peer
from router.types.records import Attempt, CallRecord, Key

__all__ = ["CallLog", "cached_line", "good_line", "log_line", "refusal_line", "replay_line"]

_PENDING_MAX = 20_000
_write = json.JSONEncoder(separators=(",", ":")).encode  # made once, not per line
_MESSAGE_MAX = 300
_FLUSH_AFTER_S = 0.05
_TRACE_ID = slice(3, 35)  # of version-trace-parent-flags


def replay_line(request_id: str, first: str, key: Key, route: str, status: int, peer: Peer) -> bytes:
    """The log's line of a request that got an earlier call's answer (``Idempotency-Key``).

    Args:
        first: the other's request ID.
        peer: whose request it is; an address that is not to be named is empty.
    """
    return _without_a_call("replayed", request_id, {"first": first}, key, route, status, peer)


def cached_line(request_id: str, plugin: str, key: Key, route: str, peer: Peer) -> bytes:
    """The line of a request that was given what a plugin had kept.

    Args:
        peer: as for ``replay_line``.
    """
    return _without_a_call("cached", request_id, {"plugin": plugin}, key, route, 200, peer)


def _without_a_call(
    event: str, request_id: str, more: dict[str, Any], key: Key, route: str, status: int, peer: Peer
) -> bytes:
    line: dict[str, Any] = {
        "time": round(time.time(), 3),
        "event": event,
        "request_id": request_id,
        **more,
        "route": route,
        "account": key.account,
        "key": key.id,
        "status": status,
    }
    _put_peer(line, peer.address, peer.traceparent)
    return _write(line).encode("ascii") + b"\n"


def log_line(record: CallRecord, address: bool = False) -> bytes:
    """One JSON object a line: what was called, how it ended, what it used. Never a prompt, an answer or a secret.

    Args:
        address: whether it names the client's address.
    """
    line: dict[str, Any] = {
        "time": round(record.created_at, 3),
        "event": "call",
        "request_id": record.request_id,
        "route": record.route,
        "account": record.account,
        "key": record.key,
        "model": record.model,
        "provider": record.provider,
        "status": record.status,
        "ending": record.ending,
        "error": record.error_code,
        "streamed": record.streamed,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "estimated": record.estimated,
        "charge": format_nano(record.charge_nano),
        "latency_ms": record.latency_ms,
        "first_token_ms": record.first_token_ms,
        "attempts": len(record.attempts),
    }
    if record.client_request_id:
        line["client_request_id"] = record.client_request_id
    _put_peer(line, record.client if address else "", record.traceparent)
    failed = [_failed(one) for one in record.attempts if one.kind != "ok"]
    if failed:
        line["failed"] = failed
    return _write(line).encode("ascii") + b"\n"


def good_line(record: CallRecord, logged: str, address: bool = False) -> bytes:
    """``log_line`` of a call that went well, as a template: its plan knows all texts in it except the provider's.

    Args:
        logged: route, account, key and model, as JSON.
        address: whether it names the client's address.
    """
    if record.client_request_id or len(record.attempts) != 1 or record.attempts[0].kind != "ok":
        return log_line(record, address)
    peer = f',"address":{_quoted(record.client)}' if address and record.client else ""
    if record.traceparent:
        peer += f',"trace":"{record.traceparent[_TRACE_ID]}"'
    first, charge = record.first_token_ms, format_nano(record.charge_nano)
    return (
        f'{{"time":{round(record.created_at, 3)!r},"event":"call","request_id":"{record.request_id}",{logged},'
        f'"provider":{_quoted(record.provider)},"status":{record.status},"ending":"ok","error":"",'
        f'"streamed":{"true" if record.streamed else "false"},"prompt_tokens":{record.prompt_tokens},'
        f'"completion_tokens":{record.completion_tokens},"estimated":{"true" if record.estimated else "false"},'
        f'"charge":"{charge}","latency_ms":{record.latency_ms},"first_token_ms":{"null" if first is None else first},'
        f'"attempts":{len(record.attempts)}{peer}}}\n'
    ).encode("ascii")


def _put_peer(line: dict[str, Any], address: str, traceparent: str) -> None:
    """Add whom a request came from, as far as it is to be named, and the ID of the trace that it is part of."""
    if address:
        line["address"] = address
    if traceparent:
        line["trace"] = traceparent[_TRACE_ID]


def _failed(attempt: Attempt) -> dict[str, Any]:
    """A failed upstream call for operators: where it went, how it failed, and what the upstream said."""
    return {
        "provider": attempt.provider,
        "model": attempt.model,
        "kind": attempt.kind,
        "status": attempt.status,
        "latency_ms": attempt.latency_ms,
        "message": attempt.message,
    }


def refusal_line(
    error: RouterError, request_id: str, route: str, status: int, *, peer: Peer = NOBODY, client_request_id: str = ""
) -> bytes:
    """The line of a request that never became a call: no key, a bad body, no such model.

    Args:
        route: the route's pattern, not the path: whatever a client puts there stays out of the log.
        status: what the client got.
        peer: whom the request came from; its address is named whatever the log says of calls, since a stranger's
            attempts are known by nothing else.
        client_request_id: the client's own ID of it.
    """
    about = error.about
    line: dict[str, Any] = {
        "time": round(time.time(), 3),
        "event": "refused",
        "request_id": request_id,
        "route": route,
        "status": status,
        "error": error.code,
        "param": error.param,
        "message": one_line(masked(error.in_full), _MESSAGE_MAX),
        "account": about.get("account", ""),
        "key": about.get("key", ""),
        "model": one_line(about.get("model", ""), _MESSAGE_MAX),
        "address": peer.address,
    }
    if client_request_id:
        line["client_request_id"] = client_request_id
    _put_peer(line, "", peer.traceparent)
    return _write(line).encode("ascii") + b"\n"


class CallLog:
    """Lines to standard error, a batch at a time from a native thread, so that a slow reader of the log slows no call.

    When more than 20,000 lines wait, further ones are dropped, and counted in a line of their own.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stderr.fileno() if descriptor is None else descriptor
        self._pending: list[bytes] = []
        self._dropped = 0
        self._scheduled = False
        self._writing = RLock()

    def write(self, line: bytes) -> None:
        """Put a line on its way; returns at once."""
        if len(self._pending) >= _PENDING_MAX:
            self._dropped += 1
            return
        self._pending.append(line)
        if not self._scheduled:
            self._scheduled = True
            gevent.spawn_later(_FLUSH_AFTER_S, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        with self._writing:
            self._scheduled = False
            lines, self._pending = self._pending, []
            if self._dropped:
                lines.append(b'{"event":"log_lines_dropped","count":%d}\n' % self._dropped)
                self._dropped = 0
            if lines:
                gevent.get_hub().threadpool.apply(_write_all, (self._descriptor, b"".join(lines)))


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except OSError:
            return  # nobody reads the log any more; the calls go on
