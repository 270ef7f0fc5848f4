"""The base class of every provider that is reached over HTTP: its settings, its key, its errors, whatever its wire."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, TypeVar

from router import hookimpl
from router.config.provider import ProviderSettings, secrets_in
from router.errors import UpstreamError
from router.types.observed import span_id_of
from router.types.records import AnyCall, CallContext, ChatCall, ModelCard, SurfaceCall
from router.types.request_rules import RequestRules
from router.types.transport import Request, Response
from router.upstream.failures import (
    Failure,
    in_full,
    is_too_large,
    kind_of,
    parse_failure,
    wait_hint_s,
    without_secrets,
)
from router.upstream.wire import dump_json

__all__ = ["HttpProvider"]

_ERROR_BODY_LIMIT = 256 * 1024
_PASSED_ON = frozenset({"bad_request", "not_found", "context_length", "content"})
_OURS = frozenset({"auth", "billing"})  # the upstream's words on our key and our bill are not the client's business
_KEPT_STATUSES = frozenset({410, 413, 415, 422})  # of a bad request, shown to the client as they are
_VAGUE_CODES = frozenset({"", "invalid_request_error"})  # a type in the place of a code says nothing
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_Headers = TypeVar("_Headers", bound=Callable[..., dict[str, str]])


def _takes_a_call(headers: Callable[..., Any]) -> bool:
    return len(inspect.signature(headers).parameters) > 2


def _either_way(headers: _Headers) -> _Headers:
    """``headers(context)`` and, as it was before hooks 0.2, ``headers(call, context)``: each may call the other."""
    takes_a_call = _takes_a_call(headers)

    @wraps(headers)
    def asked(self: HttpProvider, *given: Any) -> dict[str, str]:
        if takes_a_call and len(given) == 1:
            given = (ChatCall("", "", {}), *given)
        found: dict[str, str] = headers(self, *(given if takes_a_call else given[-1:]))
        return found

    return asked  # type: ignore[return-value]


class HttpProvider:
    """What a provider's hooks stand on. A subclass adds ``chat``, and overrides the methods without a marker.

    Attributes:
        default_base_url: used where the section gives none.
        cards: the models that the plugin lists.
        rules: what requests may hold here: caps, fields that cost more, members of messages.
    """

    default_base_url: ClassVar[str] = ""
    cards: ClassVar[Sequence[ModelCard]] = ()
    rules: ClassVar[RequestRules] = RequestRules()
    _has_old_headers: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls).get("headers")
        if own is not None:
            cls._has_old_headers = cls._has_old_headers or _takes_a_call(own)
            cls.headers = _either_way(own)  # type: ignore[method-assign]

    @hookimpl
    def settings(self) -> type:
        return ProviderSettings

    @hookimpl
    def models(self, context: CallContext) -> Iterable[ModelCard]:
        return self.cards

    @hookimpl
    def request_rules(self, context: CallContext) -> RequestRules:
        return self.rules

    @hookimpl
    def fallback(self, context: CallContext) -> Sequence[str]:
        fallback: Sequence[str] = context.settings.fallback
        return fallback

    # What a subclass edits.

    @_either_way
    def headers(self, context: CallContext) -> dict[str, str]:
        """The headers of all requests: the key, and what the operator set. Asked once for all calls to a model.

        An override that takes ``(call, context)``, as it was before hooks 0.2, is asked with each call.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if context.settings.api_key:
            headers["Authorization"] = f"Bearer {context.settings.api_key.reveal()}"
        return headers | dict(context.settings.headers)

    def call_headers(self, call: AnyCall, context: CallContext) -> dict[str, str]:
        """Headers that depend on the call, or change with time. Those of ``headers`` go before them."""
        return {}

    def kind(self, failure: Failure) -> str:
        """The kind of a failure (``router.errors.KINDS``)."""
        return kind_of(failure)

    def wait_s(self, failure: Failure, headers: Mapping[str, str]) -> float | None:
        """Seconds that a refused call should wait, as the response says (no headers inside a stream); else None."""
        return wait_hint_s(headers)

    # What its hooks use.

    def _all_headers(self, call: AnyCall, context: CallContext) -> dict[str, str]:
        """The headers of one call."""
        own = self.call_headers(call, context)
        fixed = self.headers(call, context) if self._has_old_headers else self.headers(context)  # type: ignore[call-arg, arg-type]
        fixed = {**own, **fixed} if own else fixed
        if context.traceparent and context.settings.pass_trace:
            parent = context.traceparent  # version, trace, span, flags
            fixed = {**fixed, "traceparent": f"{parent[:36]}{span_id_of(call.request_id)}{parent[52:]}"}
            if context.tracestate:
                fixed["tracestate"] = context.tracestate
        return fixed

    @property
    def _asks_headers_each_call(self) -> bool:
        """Whether the headers depend on the call."""
        return self._has_old_headers or type(self).call_headers is not HttpProvider.call_headers

    def _url(self, path: str, context: CallContext) -> str:
        """Where a path is."""
        base_url: str = context.settings.base_url or self.default_base_url
        return base_url.rstrip("/") + path

    def send(self, path: str, body: Mapping[str, Any], call: AnyCall, context: CallContext) -> Response:
        """Post a body to a path below the base URL; the response, once it is known to be a success. Close it.

        Raises:
            UpstreamError: the request failed, or was answered with an error.
        """
        return self._exchange("POST", path, dump_json(body), self._all_headers(call, context), context)

    def pass_on(self, path: str, call: SurfaceCall, context: CallContext, over: Mapping[str, str]) -> Response:
        """Post a call's body as it is; as ``send``.

        Args:
            over: headers in place of those of the same names; the operator's own stay.

        Raises:
            UpstreamError: the request failed, or was answered with an error.
        """
        own = {name.lower() for name in context.settings.headers}
        given = {name: value for name, value in over.items() if name.lower() not in own}
        replaced = {name.lower() for name in given}
        headers = self._all_headers(call, context)
        headers = {name: value for name, value in headers.items() if name.lower() not in replaced} | given
        return self._exchange("POST", path, dump_json(call.body), headers, context)

    def fetch(self, path: str, context: CallContext, body: Mapping[str, Any] | None = None) -> Any:
        """Decoded JSON that belongs to no client's call; a ``GET`` where there is no ``body``.

        Raises:
            UpstreamError: the request failed, or the answer is not JSON.
        """
        headers = self.headers(context)
        method, data = ("GET", None) if body is None else ("POST", dump_json(body))
        response = self._exchange(method, path, data, headers, context)
        try:
            return json.loads(response.read(context.settings.max_reply_bytes))
        except (ValueError, RecursionError):
            message = f"{context.provider} did not answer {path} with JSON"
            raise UpstreamError("malformed", message, provider=context.provider, upstream_status=200) from None
        finally:
            response.close()

    def check_stream(self, response: Response, context: CallContext) -> None:
        """See that a success which should be server-sent events is no JSON or HTML; where it is, it gets closed.

        Raises:
            UpstreamError: the error that the body holds, else ``malformed``.
        """
        content_type = response.headers.get("content-type", "")
        if "json" not in content_type and "html" not in content_type:
            return
        try:
            failure = parse_failure(200, response.read(_ERROR_BODY_LIMIT))
        finally:
            response.close()
        if failure.message or failure.code or failure.type:
            raise self.error(failure, context, response.headers)
        message = f"{context.provider} answered a request for a stream with {content_type!r}"
        raise UpstreamError("malformed", message, provider=context.provider, upstream_status=response.status)

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], context: CallContext
    ) -> Response:
        request = Request(method, self._url(path, context), headers, data, context.timeouts)
        response = context.transport.send(request)
        if response.status != 200:
            self._refuse(response, context)
        return response

    def _refuse(self, response: Response, context: CallContext) -> NoReturn:
        """Close a response that is no success.

        Raises:
            UpstreamError: what it means.
        """
        try:
            raw = response.read(_ERROR_BODY_LIMIT)
        except UpstreamError:
            raw = b""
        finally:
            response.close()
        raise self.error(parse_failure(response.status, raw), context, response.headers)

    def error(self, failure: Failure, context: CallContext, headers: Mapping[str, str] = _NO_HEADERS) -> UpstreamError:
        """The exception for a failure: its kind, what the client may know of it, and how long to wait.

        Args:
            headers: of the response; none inside a stream.
        """
        kind = self.kind(failure)
        if kind == "rate_limit" and is_too_large(failure):
            kind, failure = "bad_request", replace(failure, type="", code="request_too_large")
        in_answer = f"answered {failure.status}" if failure.status != 200 else "sent an error"
        reason = (
            "the gateway's credentials there were refused"
            if kind == "auth"
            else "the gateway's account there is exhausted"
        )
        failure = without_secrets(failure, [*secrets_in(context.settings), *context.settings.headers.values()])
        says = reason if kind in _OURS else failure.message or "no reason was given"
        passed_on = kind in _PASSED_ON and failure.message != ""
        return UpstreamError(
            kind,
            says if passed_on else f"{context.provider} {in_answer}: {says}",
            provider=context.provider,
            upstream_status=failure.status,
            status=failure.status if kind == "bad_request" and failure.status in _KEPT_STATUSES else None,
            type=(failure.type or None) if passed_on else None,
            code=_code(failure, kind) if passed_on else None,
            param=failure.param if passed_on else None,
            detail=f"{context.provider} {in_answer}: {in_full(failure)}",
            retry_after_s=None if kind == "bad_request" else self.wait_s(failure, headers),
        )


def _code(failure: Failure, kind: str) -> str | None:
    """The upstream's code where it says more than the kind's own does; some upstreams send a sentence, or a number."""
    vague = failure.code in _VAGUE_CODES or " " in failure.code or failure.code.isdigit() or kind == "context_length"
    return None if vague else failure.code
