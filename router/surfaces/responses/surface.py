"""The surface itself: its paths, its calls, and what else it serves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from router.config.schema import ResponsesSettings
from router.errors import BadRequest, NotFound, RouterError
from router.surfaces.body import decode_json
from router.surfaces.known_fields import model_of
from router.surfaces.measuring import json_bytes
from router.surfaces.responses.face import ResponsesFace
from router.surfaces.responses.native import native_body
from router.surfaces.responses.reader import ResponsesReader
from router.surfaces.responses.request import AskedResponse, ask, check_body, items_of
from router.surfaces.responses.resource import Echo
from router.surfaces.responses.schema import (
    COUNT_SCHEMA,
    DELETE_SCHEMA,
    ITEMS_SCHEMA,
    LIMIT_MAX,
    SCHEMA,
    SHOW_SCHEMA,
    with_most,
)
from router.surfaces.responses.state import ExpandedInput, ResponseKeeper
from router.surfaces.responses.unseen import unseen_bytes
from router.surfaces.surface import ServedCall, SurfaceAnswer, SurfaceRequest, SurfaceRoute, SurfaceSchema
from router.surfaces.translated import Translated, TranslatedSurface, TranslationRequest
from router.types.dialect import Dialect

__all__ = ["ResponsesSurface"]

_PATH = "/v1/responses"
_BYTES_PER_TOKEN = 4
_FIELDS = {
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
}
"""A chat's field -> this wire's."""


class ResponsesSurface(TranslatedSurface):
    """OpenAI's Responses: passed on to whoever speaks them, translated for all others.

    Args:
        settings: ``[responses]``.
        keeper: keeps answers.
    """

    name = hook = "responses"

    def __init__(self, settings: ResponsesSettings, keeper: ResponseKeeper) -> None:
        self._settings = settings
        self._keeper = keeper

    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """OpenAI's own, whatever the dialect."""
        return (_PATH,)

    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        """See ``TranslatedSurface``."""
        check_body(body)
        account, model = request.key.account, body["model"]
        previous = body.get("previous_response_id")
        expanded = self._keeper.expand(account, previous, items_of(body, self._settings.max_items))
        asked = ask(body, expanded.items, partial(request.opened, model=model), self._settings.drop_tools)
        kept = self._keeper.keeps(account, body.get("store"))
        face = self._face(body, request, asked, expanded, kept=kept)

        def finished() -> Sequence[tuple[str, tuple[Any, ...]]]:
            response = face.response
            return () if response is None else self._keeper.keeping(account, previous or "", expanded.own, response)

        return Translated(
            asked.chat,
            face,
            dropped=asked.dropped,
            dropped_natively=asked.dropped_natively,
            unseen_bytes=unseen_bytes(asked.passed, asked.chat),
            finished=finished if kept else None,
        )

    def native(self, call: ServedCall, chat: Mapping[str, Any], model: str) -> Mapping[str, Any]:
        """See ``TranslatedSurface``."""
        face = _face_of(call)
        return native_body(face.passed, chat, model, elsewhere=face.tried > 1)

    def native_reader(self, call: ServedCall) -> ResponsesReader:
        """See ``TranslatedSurface``."""
        return ResponsesReader(call, _face_of(call))

    def schema(self) -> SurfaceSchema:
        """See ``Surface``."""
        return with_most(SCHEMA, self._settings.max_items)

    def error_body(self, dialect: Dialect, error: RouterError, request_id: str) -> Mapping[str, Any]:
        """The dialect's, with the field at fault under the name that it has here."""
        body = dialect.error_body(error)
        told = body.get("error")
        ours = error.code == "unsupported_parameter"
        name = None if ours or not isinstance(told, Mapping) or "param" not in told else _FIELDS.get(error.param or "")
        return body if name is None else {**body, "error": {**told, "param": name}}  # type: ignore[dict-item]

    def routes(self) -> Sequence[SurfaceRoute]:
        """What is kept of answers, and the count of a prompt's tokens."""
        one = f"{_PATH}/<string(minlength=13):response_id>"  # longer than 'input_tokens', which is none
        return (
            SurfaceRoute("GET", one, self._show, SHOW_SCHEMA),
            SurfaceRoute("DELETE", one, self._delete, DELETE_SCHEMA),
            SurfaceRoute("GET", f"{one}/input_items", self._input_items, ITEMS_SCHEMA),
            SurfaceRoute(
                "POST", f"{_PATH}/input_tokens", self._count, with_most(COUNT_SCHEMA, self._settings.max_items)
            ),
        )

    def _face(
        self,
        body: Mapping[str, Any],
        request: TranslationRequest,
        asked: AskedResponse,
        expanded: ExpandedInput,
        *,
        kept: bool,
    ) -> ResponsesFace:
        model = body["model"]
        id = f"resp_{request.request_id.removeprefix('req_')}"
        return ResponsesFace(
            Echo(body, id, model, int(request.received_at), stored=kept),
            asked.names,
            seal=partial(request.sealed, model=model),
            said=request.said,
            passed=asked.passed,
            fits=partial(self._keeper.fits, expanded.own),
        )

    def _show(self, request: SurfaceRequest) -> SurfaceAnswer:
        if request.query.get("stream", "false") != "false":
            message = "'stream' is not offered for answers that are kept: leave it out, and read the whole."
            raise BadRequest(message, code="unsupported_parameter", param="stream")
        return _json(self._found(request).response)

    def _delete(self, request: SurfaceRequest) -> SurfaceAnswer:
        id = request.arguments["response_id"]
        if not self._keeper.delete(request.key.account, id):
            raise self._missing(id)
        return _json({"id": id, "object": "response", "deleted": True})

    def _input_items(self, request: SurfaceRequest) -> SurfaceAnswer:
        """A page of the items that a request added, the newest first as OpenAI has it."""
        kept = self._found(request)
        base = kept.id.removeprefix("resp_")
        items = [
            {**item, "id": item.get("id") or f"item_{base}{place:04x}"} if isinstance(item, dict) else item
            for place, item in enumerate(kept.input)
        ]
        order = request.query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise BadRequest("'order' must be 'asc' or 'desc'.", code="invalid_value", param="order")
        if order == "desc":
            items.reverse()
        after, limit = request.query.get("after"), _limit(request.query.get("limit"))
        if after is not None:
            places = [place for place, item in enumerate(items) if item.get("id") == after]
            if not places:
                raise BadRequest("'after' is no item of this response.", code="invalid_value", param="after")
            items = items[places[0] + 1 :]
        page = items[:limit]
        ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
        return _json({"object": "list", "data": page, **ends, "has_more": len(items) > len(page)})

    def _count(self, request: SurfaceRequest) -> SurfaceAnswer:
        """How many tokens a prompt has, about: four bytes a token. It is free, and no call."""
        body = decode_json(request.read())
        check_body(body)
        items = items_of(body, self._settings.max_items)
        expanded = self._keeper.expand(request.key.account, body.get("previous_response_id"), items)
        model = model_of(body) if "model" in body else "any"
        asked = ask({**body, "model": model}, expanded.items, lambda text: None, self._settings.drop_tools)
        self.look(asked.chat)
        size = json_bytes(asked.chat["messages"]) + json_bytes(asked.chat.get("tools") or [])
        tokens = max(1, -(-size // _BYTES_PER_TOKEN))
        shown = {"object": "response.input_tokens", "input_tokens": tokens}
        return SurfaceAnswer(json.dumps(shown).encode("ascii"), headers={**_JSON, "x-router-token-count": "estimate"})

    def _found(self, request: SurfaceRequest) -> Any:
        id = request.arguments["response_id"]
        found = self._keeper.find(request.key.account, id)
        if found is None:
            raise self._missing(id)
        return found

    def _missing(self, id: str) -> RouterError:
        return NotFound(
            f"Response with id {id[:80]!r} is not kept here, or not any more.", code="response_not_found", param="id"
        )


_JSON = {"Content-Type": "application/json"}


def _json(value: Any) -> SurfaceAnswer:
    return SurfaceAnswer(json.dumps(value).encode("ascii"))


def _face_of(call: ServedCall) -> ResponsesFace:
    face = call.face
    assert isinstance(face, ResponsesFace)
    return face


def _limit(text: str | None) -> int:
    if text is None:
        return 20
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LIMIT_MAX):
        raise BadRequest(f"'limit' must be a whole number from 1 to {LIMIT_MAX}.", code="invalid_value", param="limit")
    return int(text)
