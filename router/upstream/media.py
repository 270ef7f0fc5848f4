"""Images and sound on OpenAI's wire: for a provider that has these routes beside its chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from router import hookimpl
from router.money.usage import Units
from router.types.records import CallContext, Item, Reply, SurfaceCall, Usage
from router.types.transport import Response
from router.types.upload import UploadedFile
from router.upstream.failures import failure_of
from router.upstream.provider import HttpProvider
from router.upstream.wire import object_at, usage_of

__all__ = ["MediaProvider", "plain_reply"]

_MS = 1000
_SECONDS_MAX = 2**31


class MediaProvider(HttpProvider):
    """Hooks of a provider that makes images, speaks, and writes down what is said, by OpenAI's routes.

    Stand it before the class of the wire: ``class Acme(MediaProvider, CompatibleProvider)``.
    """

    @hookimpl
    def images(self, call: SurfaceCall, context: CallContext) -> Reply:
        body = {**call.body, "model": context.model}
        response = self.send("/images/generations", body, call, context)
        return plain_reply(self, response, context, _images_usage)

    @hookimpl
    def image_edits(self, call: SurfaceCall, context: CallContext) -> Reply:
        response = self._send_form("/images/edits", call, context)
        return plain_reply(self, response, context, _images_usage)

    @hookimpl
    def speech(self, call: SurfaceCall, context: CallContext) -> Reply:
        body = {**call.body, "model": context.model}
        response = self.send("/audio/speech", body, call, context)
        self.check_stream(response, context)
        pieces = ([Item(piece)] for piece in response.chunks())
        return _reply(self, response, context, pieces, lambda value: None)

    @hookimpl
    def transcriptions(self, call: SurfaceCall, context: CallContext) -> Reply:
        response = self._send_form("/audio/transcriptions", call, context)
        return plain_reply(self, response, context, _transcript_usage)

    def _send_form(self, path: str, call: SurfaceCall, context: CallContext) -> Response:
        """Post a call's body as a form."""
        from urllib3.filepost import encode_multipart_formdata  # a gateway without forms starts without it

        parts: list[tuple[str, Any]] = []
        for name, value in {**call.body, "model": context.model}.items():
            parts += [(name, _part(one)) for one in (value if isinstance(value, list) else [value])]
        data, content_type = encode_multipart_formdata(parts)
        headers = {**self._all_headers(call, context), "Content-Type": content_type}
        return self._exchange("POST", path, data, headers, context)


def plain_reply(
    provider: HttpProvider, response: Response, context: CallContext, used: Callable[[Any], Usage | None]
) -> Reply:
    """The reply whose one item is the whole body.

    Args:
        used: reads the usage of the decoded body.
    """

    def body() -> Iterator[Sequence[Item]]:
        yield [Item(response.read(context.settings.max_reply_bytes))]

    return _reply(provider, response, context, body(), used)


def _reply(
    provider: HttpProvider,
    response: Response,
    context: CallContext,
    batches: Iterator[Sequence[Item]],
    used: Callable[[Any], Usage | None],
) -> Reply:
    names = ("content-type", *(name for name in response.headers if name.startswith("x-ratelimit-")))
    return Reply(
        batches,
        read_usage=used,
        read_error=lambda value: provider.error(failure_of(value), context),
        close=response.close,
        headers={name: response.headers[name] for name in names if name in response.headers},
    )


def _part(value: Any) -> Any:
    """One value of a form: a file with its name and type, or text."""
    if isinstance(value, UploadedFile):
        return (value.name or "file", value.data, value.type or "application/octet-stream")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _tokens_told(raw: Mapping[str, Any]) -> Usage | None:
    """Tokens under the names of these routes: ``input_tokens`` and ``output_tokens``; None where there are none."""
    if not raw:
        return None
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    given = {ours: raw[theirs] for ours, theirs in names.items() if theirs in raw}
    return usage_of({**raw, **given})


def _images_usage(value: Any) -> Usage | None:
    """The images that came, and the tokens that the provider tells of."""
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, list):
        return None
    told = _tokens_told(object_at(value, "usage")) or Usage(0)
    return replace(told, units=Units(images=len(data)))


def _transcript_usage(value: Any) -> Usage | None:
    """What the provider tells: tokens, or seconds as its usage or its ``duration`` has them."""
    raw = object_at(value, "usage")
    told = _tokens_told(raw)
    milliseconds = _milliseconds(raw.get("seconds")) or _milliseconds(value.get("duration"))
    if told is None and milliseconds is None:
        return None
    return replace(told or Usage(0), units=None if milliseconds is None else Units(milliseconds=milliseconds))


def _milliseconds(seconds: Any) -> int | None:
    """Seconds, a number or its text, in milliseconds, rounded up; None for anything else."""
    if type(seconds) not in (int, float, str):
        return None
    try:
        found = Decimal(str(seconds))
    except InvalidOperation:
        return None
    if not found.is_finite() or not 0 < found < _SECONDS_MAX:
        return None
    return int((found * _MS).to_integral_value(ROUND_CEILING))
