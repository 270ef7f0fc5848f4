"""Serves the API of scripts: whose key it is, how often it asks, what it may ask; answers are for nobody's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from flask import Response, request

from router.app.assembly import Assembly
from router.calls.request import Incoming
from router.charging.key_views import KeyBooks
from router.errors import Forbidden, RouterError
from router.http.incoming import incoming_of
from router.http.key_api import KeyApi, encode_exact
from router.http.management.operators import SAFE_HEADERS, OperatorRoutes, query_values
from router.http.management.own import OWN_ROUTES
from router.http.management.own_route import OwnRequest, OwnRoute
from router.http.management.pace import Pace
from router.http.peer import PeerReader
from router.office.actor import Actor
from router.office.forms.form import load, read_json
from router.office.office import Office
from router.types.keys import Key

__all__ = ["BODY_MAX", "ScriptRoutes", "script_views"]

BODY_MAX = 1 << 18
"""Bytes of a body at most."""

Answering = Callable[[Key, Mapping[str, str]], bytes]
View = Callable[..., Response]


class ScriptRoutes:
    """The routes. One per application.

    Args:
        office: gives what they work on.
        key_of: the key that a request shows, whatever it is for.
        pace: how often one may ask.
    """

    def __init__(
        self, office: Callable[[], Office], key_of: Callable[[Incoming], Key], peers: PeerReader, pace: Pace
    ) -> None:
        self._office = office
        self._key_of = key_of
        self._peers = peers
        self._pace = pace

    def rules(self) -> Iterator[tuple[str, str, View]]:
        """Path as Flask has it, method and view of each route of a management key."""
        for route in OWN_ROUTES:
            yield route.path, route.method, partial(self._own, route)

    def of_key(self, answer: Answering) -> View:
        """A view of what a key asks of itself."""

        def view() -> Response:
            _, key = self.admitted()
            body = answer(key, request.args.to_dict())
            return Response(body, content_type="application/json", headers=SAFE_HEADERS)

        return view

    def admitted(self) -> tuple[Incoming, Key]:
        """The request, and its key, which does not ask too often.

        Raises:
            Unauthorized, BadRequest: as ``Authenticator.key``.
            RateLimited: it asks too often.
        """
        incoming = incoming_of(request.environ, BODY_MAX, self._peers)
        key = self._key_of(incoming)
        self._pace.count(key.id)
        return incoming, key

    def _own(self, route: OwnRoute, **places: str) -> Response:
        incoming, key = self.admitted()
        try:
            if key.kind != "management":
                raise _not_a_managers(key)
            values = _values(route, incoming)
            actor = Actor("key", key.id, address=incoming.peer.address)
            answer = route.serve(OwnRequest(self._office(), key, actor, values, places))
        except RouterError as error:
            error.about = error.about or {"account": key.account, "key": key.id}
            raise
        return Response(encode_exact(answer.value), answer.status, SAFE_HEADERS, content_type="application/json")


def script_views(assembly: Assembly, peers: PeerReader) -> Iterator[tuple[str, str, View]]:
    """Path, method and view of every route of the API of scripts."""
    settings, key_of = assembly.settings, assembly.gateway.key
    pace = Pace(settings.server.api_requests_per_minute)
    routes = ScriptRoutes(lambda: assembly.office, key_of, peers, pace)
    operators = OperatorRoutes(lambda: assembly.office, routes.admitted)
    books = KeyBooks(assembly.database, settings.gateway.currency, assembly.limits.timezone)
    for path, answer in KeyApi(assembly.dialect, books).routes():
        yield path, "GET", routes.of_key(answer)
    yield from routes.rules()
    yield from operators.rules()


def _values(route: OwnRoute, incoming: Incoming) -> dict[str, Any]:
    if route.form is None:
        return {}
    if route.reads_body:
        return load(route.form, read_json(incoming.read_body(None)))
    return load(route.form, query_values(route.form), of_text=True)


def _not_a_managers(key: Key) -> Forbidden:
    if key.kind == "operator":
        message = "An operator's key has no account, whose keys and calls are managed here: use one of the account's."
    else:
        message = "This needs a management key of the account, and this key is one for calls."
    return Forbidden(message, code="management_key_required")
