"""What all operations of a description share: names, errors as the dialect tells them, and the components of both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from router.charging.paid_extras import extras_shapes
from router.config.schema import GatewaySettings
from router.errors import RouterError
from router.http import samples
from router.http.json_schema import of_values
from router.http.reply_schemas import REPLIES
from router.types.dialect import Dialect

__all__ = [
    "KEYS",
    "Json",
    "Operations",
    "answer",
    "header",
    "idempotency_key",
    "json_content",
    "on_the_wire",
    "phrase",
    "reference",
]

Json = dict[str, Any]

_SECURITY: Mapping[str, Json] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer YOUR_KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "azure": {"type": "apiKey", "in": "header", "name": "api-key"},
    "operator": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer OPERATOR_SECRET`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "session",
        "description": "An account's session of the portal, under whatever name that keeps it.",
    },
}
KEYS = ("bearer", "header", "azure")
"""The ways to show a key."""
_HEADERS = {
    "x-request-id": "The request's ID, as the gateway's log and usage rows have it.",
    "x-router-charge": "What a plain call was charged, in the balance currency.",
    "x-router-max-tokens": "The cap that was sent upstream where the balance covered no larger one.",
    "x-router-dropped-params": "Fields of the request that were not passed on.",
    "idempotent-replayed": "`true` where this is the kept answer of an earlier call.",
}
_SERVED_HEADERS = {
    "x-router-provider": "The provider that served the call.",
    "x-router-model": "The model as that provider knows it.",
    "x-router-attempts": "What was tried: `provider/model;kind;milliseconds`.",
}
_ERROR_HEADERS = {
    "Retry-After": "Seconds after which the same request may succeed.",
    "x-should-retry": "`false` where it cannot succeed without a change.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat of this call answer as the first did; heeded only where the key may send it.",
    "schema": {"type": "string"},
}


def idempotency_key(description: str) -> Json:
    """The header as a parameter, where it means something else than for a call."""
    return {**_IDEMPOTENCY_KEY, "description": description}


class Operations:
    """Makes operations, and collects their components.

    Attributes:
        dialect, settings: as given.
        schemas: name -> JSON Schema.
        extras: field -> what it may say where calls are paid for; empty where they are not.
    """

    def __init__(self, dialect: Dialect, settings: GatewaySettings) -> None:
        self.dialect = dialect
        self.settings = settings
        self.schemas: dict[str, Json] = dict(REPLIES)
        self.extras = extras_shapes() if settings.bills else {}
        self._errors: dict[int, list[Json]] = {}
        self._error_headers: dict[int, set[str]] = {}
        self._call_headers = _HEADERS | (_SERVED_HEADERS if dialect.shows_served else {})
        self._names: set[str] = set()
        self._security = set(KEYS)

    def components(self) -> Json:
        """What the operations refer to."""
        bodies = [body for found in self._errors.values() for body in found]
        self.schemas["Error"] = of_values(bodies)
        responses = {f"Error{status}": self._error(status) for status in sorted(self._errors)}
        return {
            "schemas": dict(sorted(self.schemas.items())),
            "responses": {**responses, "Error": answer("Any other error.", json_content("Error"))},
            "headers": {name: header(text) for name, text in (self._call_headers | _ERROR_HEADERS).items()},
            "securitySchemes": {name: shape for name, shape in _SECURITY.items() if name in self._security},
        }

    def operation(
        self, name: str, summary: str, good: Json, errors: Iterable[RouterError], security: Sequence[str] = ()
    ) -> Json:
        """One operation.

        Args:
            name: which is made its own: paths that do the same are operations of their own.
            good: the answer.
            security: names of schemes, one of which is asked for.
        """
        responses: Json = {"200": good}
        for status in sorted({self._note(error) for error in errors}):
            responses[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
        responses["default"] = {"$ref": "#/components/responses/Error"}
        self._security.update(security)
        return {
            "operationId": self._unused(name),
            "summary": summary,
            "security": [{scheme: []} for scheme in security],
            "responses": responses,
        }

    def call(self, name: str, summary: str, body: Json, answers: Iterable[Json]) -> Json:
        """The operation of a call.

        Args:
            answers: media types of good answers, with their schemas.
        """
        content = {kind: value for one in answers for kind, value in one.items()}
        good = answer("The answer.", content, self._call_headers)
        operation = self.operation(name, summary, good, samples.call_errors(), KEYS)
        return {**operation, "parameters": [_IDEMPOTENCY_KEY], "requestBody": body}

    def narrow(self, properties: Json, shapes: Mapping[str, Json]) -> None:
        """Let fields say what two rules let in."""
        for name, shape in shapes.items():
            properties[name] = {"allOf": [properties[name], shape]} if name in properties else shape

    def _note(self, error: RouterError) -> int:
        status = self.dialect.error_status(error)
        body = on_the_wire(self.dialect.error_body(error))
        self._error_headers.setdefault(status, set()).update(_ERROR_HEADERS.keys() & error.headers.keys())
        noted = self._errors.setdefault(status, [])
        if body not in noted:
            noted.append(body)
        return status

    def _error(self, status: int) -> Json:
        content = json_content("Error")
        examples = {str(number): {"value": body} for number, body in enumerate(self._errors[status], 1)}
        content["application/json"]["examples"] = examples
        return answer(phrase(status), content, ("x-request-id", *sorted(self._error_headers[status])))

    def _unused(self, name: str) -> str:
        number = 1
        while (found := name if number == 1 else f"{name}{number}") in self._names:
            number += 1
        self._names.add(found)
        return found


def answer(description: str, content: Json, headers: Iterable[str] = ("x-request-id",)) -> Json:
    """One response."""
    shown = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return {"description": description, "headers": shown, "content": content}


def json_content(schema: str) -> Json:
    """The content that is JSON of a component."""
    return {"application/json": {"schema": reference(schema)}}


def reference(schema: str) -> Json:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{schema}"}


def header(description: str) -> Json:
    """One header."""
    return {"description": description, "schema": {"type": "string"}}


def phrase(status: int) -> str:
    """What a status means."""
    return f"{HTTPStatus(status).phrase}." if status in set(HTTPStatus) else f"Status {status}."


def on_the_wire(value: Any) -> Any:
    """A value as JSON has it."""
    return json.loads(json.dumps(value))
