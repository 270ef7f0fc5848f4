"""The surface of Anthropic's Messages API: ``POST /v1/messages``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router.errors import RouterError
from router.surfaces.body import decode_json
from router.surfaces.canonical.to_chat import to_chat
from router.surfaces.known_fields import model_of
from router.surfaces.messages.checking import check_shape, version_of
from router.surfaces.messages.counting import estimate
from router.surfaces.messages.errors import error_body, error_status
from router.surfaces.messages.face import MessagesFace
from router.surfaces.messages.native import native_body, passed_betas, stripped_from
from router.surfaces.messages.often import CallsPerKey
from router.surfaces.messages.reader import MessagesReader
from router.surfaces.messages.request import prompt_of
from router.surfaces.messages.schema import COUNT_SCHEMA, SCHEMA
from router.surfaces.messages.walking import Findings
from router.surfaces.surface import (
    JSON_HEADERS,
    ServedCall,
    SurfaceAnswer,
    SurfaceRequest,
    SurfaceRoute,
    SurfaceSchema,
)
from router.surfaces.translated import Translated, TranslatedSurface, TranslationRequest
from router.types.dialect import Dialect
from router.types.records import SurfaceCall

__all__ = ["MESSAGES", "MessagesSurface"]

_PATH = "/v1/messages"
_COUNTED = {**JSON_HEADERS, "x-router-token-count": "estimate"}


class MessagesSurface(TranslatedSurface):
    """Anthropic's Messages: passed on to whoever speaks them, translated for all others."""

    name = hook = "messages"
    prefixes = (_PATH,)
    id_header = "request-id"

    def __init__(self) -> None:
        self._counts = CallsPerKey()

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """Anthropic's own, whatever the dialect."""
        return (_PATH,)

    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        """See ``TranslatedSurface``."""
        version = version_of(request.header("anthropic-version"))
        check_shape(body, version)
        account, found = request.key.account, Findings(version)

        def opens(text: str) -> Mapping[str, Any] | None:
            proof = request.proofs.open(text, account)
            return proof.members if proof is not None and proof.plugin == request.plugin() else None

        prompt = prompt_of(body, found, opens)
        face = MessagesFace(
            request.request_id,
            body["model"],
            estimate(body),
            account=account,
            proofs=request.proofs,
            said=request.said,
            version=version,
            betas=passed_betas(request.header("anthropic-beta") or ""),
        )
        return Translated(
            to_chat(prompt),
            face,
            dropped=tuple(found.dropped),
            dropped_natively=tuple(stripped_from(body)),
            unseen_bytes=found.unseen_bytes,
            native_only=found.native_only,
            unpriced=found.unpriced,
        )

    def native(self, call: ServedCall, chat: Mapping[str, Any], model: str) -> Mapping[str, Any]:
        """See ``TranslatedSurface``."""
        return native_body(call.source, chat, model)

    def native_call(self, call: ServedCall, body: Mapping[str, Any]) -> SurfaceCall:
        """With the headers that belong to the body."""
        face = _face_of(call)
        headers = {"anthropic-version": face.version} | ({"anthropic-beta": face.betas} if face.betas else {})
        return SurfaceCall(call.request_id, call.model, body, call.stream, True, self.name, headers)

    def native_reader(self, call: ServedCall) -> MessagesReader:
        """See ``TranslatedSurface``."""
        return MessagesReader(call)

    def routes(self) -> Sequence[SurfaceRoute]:
        """The count of a prompt's tokens."""
        return (SurfaceRoute("POST", f"{_PATH}/count_tokens", self._count, COUNT_SCHEMA),)

    def error_status(self, dialect: Dialect, error: RouterError) -> int:
        """Anthropic's."""
        return error_status(error)

    def error_body(self, dialect: Dialect, error: RouterError, request_id: str) -> Mapping[str, Any]:
        """Anthropic's envelope."""
        return error_body(error, dialect.said(error), request_id)

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        return SCHEMA

    def _count(self, request: SurfaceRequest) -> SurfaceAnswer:
        """How many tokens a prompt has, about. It is free, and counts against no limit but its own."""
        self._counts.take(request.key.id)
        body = decode_json(request.read())
        version = version_of(request.header("anthropic-version"))
        check_shape(body, version, counts=True)
        if "model" in body:
            model_of(body)
        prompt_of(body, Findings(version), lambda text: None)
        return SurfaceAnswer(json.dumps({"input_tokens": estimate(body)}).encode("ascii"), headers=_COUNTED)


def _face_of(call: ServedCall) -> MessagesFace:
    face = call.face
    assert isinstance(face, MessagesFace)
    return face


MESSAGES = MessagesSurface()
