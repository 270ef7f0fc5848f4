"""Requests that a provider's plugin signs: each sending anew, and after a first 401 once more."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from router.errors import UpstreamError, faults
from router.types.masking import masked
from router.types.records import CallContext
from router.types.transport import Request, Resent, Response, ResponseHead, Transport

__all__ = ["SigningTransport", "passed_on_headers", "signing"]

_log = logging.getLogger("router.providers")
_SENDINGS_MAX = 3
_SIGNED = ("sign", "unauthorized")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_VALUE = re.compile(r"[\t\x20-\x7e]*", re.ASCII)
_OF_A_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding"}
) | {"upgrade"}
_OF_AN_ANSWER = frozenset({"cache-control", "content-encoding", "content-length", "content-range", "content-type"}) | {
    "date", "retry-after", "vary", "x-accel-buffering",
}  # fmt: skip
_OF_A_SITE = frozenset({"alt-svc", "clear-site-data", "location", "nel", "refresh", "report-to", "server"}) | {
    "set-cookie", "set-cookie2", "strict-transport-security", "www-authenticate",
}  # fmt: skip
_NOT_PASSED = _OF_A_CONNECTION | _OF_AN_ANSWER | _OF_A_SITE
_OURS = ("access-control-", "x-router-", "x-request-id", "x-ratelimit-", "x-should-retry")
_HEADERS_MAX = 32
_VALUE_MAX = 1024


class _SignAnew(Exception):
    """The transport is about to send a second time what was signed for the first."""

    def __init__(self, failure: UpstreamError) -> None:
        super().__init__()
        self.failure = failure


class SigningTransport:
    """A transport whose requests are signed last of all.

    Args:
        context: what the hooks are given; its transport sends, and signs nothing.
        hooks: the provider's: ``sign``, ``unauthorized``, or both.
    """

    def __init__(self, context: CallContext, hooks: Mapping[str, Callable[..., Any]]) -> None:
        self._context = context
        self._sign = hooks.get("sign")
        self._unauthorized = hooks.get("unauthorized")

    def send(self, request: Request, *, resent: Resent | None = None) -> Response:
        """As ``Transport.send``."""
        signed, response = self._sent(request, resent)
        if response.status != 401 or self._unauthorized is None:
            return response
        head = ResponseHead(response.status, response.headers)
        try:
            again = self._unauthorized(request=signed, response=head, context=self._context)
        except BaseException:
            response.close()
            raise
        if again is not True:
            return response
        response.close()
        if resent is not None:
            name = self._context.provider
            message = f"{name} answered 401, and its plugin has the request signed anew"
            resent(UpstreamError("auth", message, provider=name, upstream_status=401))
        return self._sent(request, resent)[1]

    def close(self) -> None:
        """The transport below lives on: it is the provider's."""

    def _sent(self, request: Request, resent: Resent | None) -> tuple[Request, Response]:
        """The request as it was signed at last, and the head of its response."""
        transport = self._context.transport
        if self._sign is None:
            return request, transport.send(request, resent=resent)

        def anew(failure: UpstreamError) -> None:
            raise _SignAnew(failure)

        for _ in range(_SENDINGS_MAX):
            signed = self._signed(request)
            try:
                return signed, transport.send(signed, resent=anew)
            except _SignAnew as stopped:
                if resent is not None:
                    resent(stopped.failure)
        signed = self._signed(request)
        return signed, transport.send(signed, resent=resent)  # whatever pooled connections there were are gone by now

    def _signed(self, request: Request) -> Request:
        assert self._sign is not None
        signed = self._sign(request=request, context=self._context)
        if not isinstance(signed, Request):
            raise TypeError(f"its hook sign gave {type(signed).__name__}, not a router.upstream.Request")
        return signed


def signing(context: CallContext, hooks: Mapping[str, Callable[..., Any]]) -> CallContext:
    """The context with a transport that signs; itself where the plugin signs nothing."""
    if not any(hook in hooks for hook in _SIGNED):
        return context
    transport: Transport = SigningTransport(context, hooks)
    return replace(context, transport=transport)


def passed_on_headers(hook: Callable[..., Any], headers: Mapping[str, str], context: CallContext) -> dict[str, str]:
    """What the client is to see of an upstream's headers, by the plugin's hook ``response_headers``: what can be sent,
    and is not the host's own. Empty where the plugin fails.
    """
    try:
        given = dict(hook(headers=headers, context=context))
        named = {str(name).lower(): str(value) for name, value in given.items()}
    except faults():
        _log.exception("the hook response_headers of %s failed", context.provider)
        return {}
    good = [(name, value) for name, value in named.items() if _may_pass(name, value)]
    return {name: masked(value) for name, value in good[:_HEADERS_MAX]}  # some upstream may show what it was sent


def _may_pass(name: str, value: str) -> bool:
    sendable = _NAME.fullmatch(name) and _VALUE.fullmatch(value) and len(value) <= _VALUE_MAX
    return bool(sendable) and name not in _NOT_PASSED and not name.startswith(_OURS)
