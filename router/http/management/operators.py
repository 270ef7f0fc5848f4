"""Serves the operators' API: each operation of the table at its path, by an operator's key.

Its errors have one shape in every profile, and say all that the command line would: who asks runs the gateway.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import gevent
from flask import Response, request

from router.calls.request import Incoming
from router.errors import BadRequest, ConfigError, Conflict, Forbidden, RouterError, StoreError, faults
from router.office.actor import Actor
from router.office.forms.fields import OfficeField
from router.office.forms.form import OfficeForm, load, read_json
from router.office.forms.usage import ExportForm
from router.office.office import Office
from router.office.once import IdempotentRequest, do_once
from router.office.operations.operation import OfficeOperation, OperationAnswer, unheard
from router.office.operations.table import OPERATIONS
from router.office.operations.usage import export_rows
from router.types.keys import Key

__all__ = ["EXPORT", "OPERATORS_BASE", "SAFE_HEADERS", "OperatorRoutes", "error_shown", "query_values"]

_log = logging.getLogger("router.http")

OPERATORS_BASE = "/api/v1/admin"
"""What the paths of operations begin with."""

EXPORT = f"{OPERATORS_BASE}/usage/export"
"""All usage rows as CSV."""

SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""What every answer has: it is nobody's to keep, and no page."""

_LOOK_S = 0.2
_ALIVE_S = 5.0
_LINES = "application/x-ndjson"
_REPLAYED = "idempotent-replayed"
View = Callable[..., Response]


class OperatorRoutes:
    """The routes. One per application.

    Args:
        office: gives what they work on.
        admitted: the request and its key, whatever that is for; raises where it is not good, or asks too often.
    """

    def __init__(self, office: Callable[[], Office], admitted: Callable[[], tuple[Incoming, Key]]) -> None:
        self._office = office
        self._admitted = admitted
        self._busy: set[str] = set()

    def rules(self) -> Iterator[tuple[str, str, View]]:
        """Path, method and view of each operation, and of the export."""
        for one in OPERATIONS.values():
            yield f"{OPERATORS_BASE}{one.path}", one.method, partial(self._answered, one)
        yield EXPORT, "GET", self._export

    def _answered(self, operation: OfficeOperation) -> Response:
        incoming, key = self._operator()
        actor = Actor("key", key.id, address=incoming.peer.address)
        try:
            body = incoming.read_body(None) if operation.method == "POST" else b""
            values = _values_of(operation, body)
            value = incoming.idempotency_key if operation.writes else None
            if value is not None:
                return self._once(
                    operation, actor, values, IdempotentRequest(key.counted_as, value, operation.path, body)
                )
            _check_once(operation, values)
            if operation.long:
                return self._line_by_line(operation, actor, values)
            return _json(_told(operation.answer(self._office(), actor, values, unheard)))
        except RouterError as error:
            return _refused(error)

    def _once(
        self, operation: OfficeOperation, actor: Actor, values: dict[str, Any], asked: IdempotentRequest
    ) -> Response:
        """Raises:
        BadRequest: it would be done each time, whatever the header says.
        """
        if not operation.once:
            raise BadRequest(
                f"`{operation.name}` takes no Idempotency-Key: only operations that move money do (credits, topups).",
                code="idempotency_not_taken",
            )
        office = self._office()
        done = do_once(office, asked, lambda: _told(operation.answer(office, actor, values, unheard)))
        return _json(done.answer, {_REPLAYED: "true"} if done.replayed else {})

    def _export(self) -> Response:
        self._operator()
        try:
            values = load(ExportForm, query_values(ExportForm), of_text=True)
            pieces = (piece.encode("utf-8") for piece in export_rows(self._office(), **values))
            first = next(pieces)  # or what is wrong would be said in the midst of the rows
        except RouterError as error:
            return _refused(error)
        named = {"Content-Disposition": 'attachment; filename="usage.csv"'}
        return Response(_chained(first, pieces), 200, SAFE_HEADERS | named, content_type="text/csv; charset=utf-8")

    def _operator(self) -> tuple[Incoming, Key]:
        """Raises:
        Forbidden: the key is a customer's.
        RouterError: as ``admitted``.
        """
        incoming, key = self._admitted()
        if key.kind != "operator":
            raise Forbidden("This is for operators' keys alone.", code="operator_key_required")
        return incoming, key

    def _line_by_line(self, operation: OfficeOperation, actor: Actor, values: dict[str, Any]) -> Response:
        """An answer that tells of its progress; one of each kind at a time, as each keeps a database busy.

        Raises:
            Conflict: one is under way in this worker.
        """
        if operation.name in self._busy:
            raise Conflict(f"`{operation.name}` is under way here already: wait until it is over.", code="under_way")
        self._busy.add(operation.name)
        steps: deque[str] = deque()  # which a native thread adds to
        running = gevent.spawn(self._run, operation, actor, values, steps)
        return Response(_lines(running, steps), 200, SAFE_HEADERS, content_type=_LINES)

    def _run(self, operation: OfficeOperation, actor: Actor, values: dict[str, Any], steps: deque[str]) -> Any:
        """The last line of such an answer."""
        try:
            return _told(operation.answer(self._office(), actor, values, steps.append))
        except RouterError as error:
            return error_shown(error)[1]
        except faults():
            _log.exception("the operation %s failed", operation.name)
            return error_shown(RouterError("The gateway failed at this; its log says why."))[1]
        finally:
            self._busy.discard(operation.name)


def _check_once(operation: OfficeOperation, values: Mapping[str, Any]) -> None:
    """Raises:
    BadRequest: what is asked for moves money, and nothing says whether it is the same that was asked for before.
    """
    if operation.once and not values.get("reference"):
        named = " (or a `reference`)" if operation.takes_reference else ""
        raise BadRequest(
            f"`{operation.name}` moves money: send an Idempotency-Key{named}, a text of your own that is the same when "
            "you ask again, so that it moves once even where an answer gets lost.",
            code="idempotency_key_required",
        )


def error_shown(error: RouterError) -> tuple[int, dict[str, Any]]:
    """Status and body of an error, as an operator reads it."""
    if isinstance(error, StoreError):
        error = error.for_clients()
    status = 409 if isinstance(error, ConfigError) else error.status
    shown = {"message": error.in_full, "type": error.type, "param": error.param, "code": error.code}
    return status, {"error": shown}


def query_values(form: type[OfficeForm]) -> dict[str, Any]:
    """The request's query as a form takes it: fields that hold many have all that came."""
    fields = {field.data_key or name: field for name, field in form().fields.items()}
    found: dict[str, Any] = {}
    for name in request.args:
        field = fields.get(name)
        many = isinstance(field, OfficeField) and field.holds_many
        found[name] = request.args.getlist(name) if many else request.args.getlist(name)[-1]
    return found


def _values_of(operation: OfficeOperation, body: bytes) -> dict[str, Any]:
    """Raises:
    BadRequest: what is wrong with a value, at its field.
    """
    if operation.method == "GET":
        return load(operation.form, query_values(operation.form), of_text=True)
    return load(operation.form, read_json(body))


def _told(answer: OperationAnswer) -> dict[str, Any]:
    return {"data": answer.value, "warnings": list(answer.warnings), "notes": list(answer.notes)}


def _lines(running: gevent.Greenlet[..., Any], steps: deque[str]) -> Iterator[bytes]:
    """A line for each step, one now and then so that proxies stay awake, and the answer."""
    silent_s = 0.0
    while not running.ready():
        running.join(_LOOK_S)
        silent_s += _LOOK_S
        while steps:
            silent_s = 0.0
            yield _line({"progress": steps.popleft()})
        if silent_s >= _ALIVE_S:
            silent_s = 0.0
            yield _line({"progress": None})
    yield _line(running.get())


def _line(value: Any) -> bytes:
    return json.dumps(value).encode("ascii") + b"\n"


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _json(value: Any, more: Mapping[str, str] | None = None) -> Response:
    headers = {**SAFE_HEADERS, **(more or {})}
    return Response(json.dumps(value).encode("ascii"), 200, headers, content_type="application/json")


def _refused(error: RouterError) -> Response:
    status, body = error_shown(error)
    headers = {**SAFE_HEADERS, **error.headers}
    return Response(json.dumps(body).encode("ascii"), status, headers, content_type="application/json")
