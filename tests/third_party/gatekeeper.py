"""A third party's plugin that stands on calls' ways: an authenticator, a guard, a strategy, a cache; and sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gevent

from router import (
    BadRequest,
    CallRequest,
    Credentials,
    Migration,
    PluginContext,
    PluginRoute,
    RouteRequest,
    RouteResponse,
    TargetOption,
    hookimpl,
)

requires_hooks = "0.2"


@dataclass(frozen=True)
class Settings:
    """Attributes:
    order: providers, in the order in which they are to be tried.
    """

    order: tuple[str, ...] = ()


class Gatekeeper:
    requires_hooks = requires_hooks

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def storage_migrations(self) -> Sequence[Migration]:
        table = "CREATE TABLE gatekeeper_answers (asked TEXT PRIMARY KEY, answer TEXT NOT NULL)"
        return [Migration(1, "answers", table)]

    @hookimpl
    def authenticate(self, request: Credentials) -> str | None:
        token = (request.authorization or "").partition(" ")[2]
        if token == "breaks":
            raise ValueError("it breaks")
        if token == "dawdles":
            _run_out_of_time()
        return token.removeprefix("guest-of-") if token.startswith("guest-of-") else None

    @hookimpl
    def request_guard(self, call: CallRequest) -> Mapping[str, Any] | None:
        text = json.dumps(call.body)
        if "forbidden word" in text:
            raise BadRequest("This is not said here.", param="messages", code="guarded")
        if "break the guard" in text:
            raise KeyError("guard")
        if "let the guard dawdle" in text:
            _run_out_of_time()
        if "invent a field" in text:
            return {**call.body, "temperature": "hot"}
        return {**call.body, "max_tokens": 7} if "keep it short" in text else None

    @hookimpl
    def route_targets(
        self, context: PluginContext, targets: Sequence[TargetOption], call: CallRequest
    ) -> Sequence[str]:
        if "break the strategy" in json.dumps(call.body):
            raise ValueError("strategy")
        if "let the strategy dawdle" in json.dumps(call.body):
            _run_out_of_time()
        wanted = [one.id for name in context.settings.order for one in targets if one.provider == name]
        return ["none/such", *wanted] if context.settings.order else wanted

    @hookimpl
    def cache_get(self, context: PluginContext, call: CallRequest) -> bytes | None:
        if "let the cache dawdle" in _asked(call):
            _run_out_of_time()
        query = "SELECT answer FROM gatekeeper_answers WHERE asked = ?"
        row = context.database.read(lambda connection: connection.row(query, (_asked(call),)))
        return None if row is None else str(row["answer"]).encode()

    @hookimpl
    def cache_put(self, context: PluginContext, call: CallRequest, answer: bytes) -> None:
        insert = "INSERT INTO gatekeeper_answers (asked, answer) VALUES (?, ?) ON CONFLICT (asked) DO NOTHING"
        if "remember" in _asked(call):
            row = (_asked(call), answer.decode())
            context.database.write(lambda connection: connection.execute(insert, row))

    @hookimpl
    def session(self, request: RouteRequest) -> str | None:
        if request.query.get("dawdle"):
            _run_out_of_time()
        cookies = request.headers.get("authorization", "")
        return cookies.removeprefix("Bearer of-") if cookies.startswith("Bearer of-") else None

    @hookimpl
    def routes(self, context: PluginContext) -> Sequence[PluginRoute]:
        def mine(request: RouteRequest) -> RouteResponse:
            return RouteResponse.json({"account": request.account})

        def late(request: RouteRequest) -> RouteResponse:
            if "dawdle" in request.query:
                _run_out_of_time()
            return RouteResponse()

        return [
            PluginRoute("/me", ("GET",), "session", mine),
            PluginRoute("/late", ("GET",), "public", late),
            PluginRoute("/folder/", ("GET",), "public", lambda request: RouteResponse(b"found")),
        ]


def _run_out_of_time() -> None:
    """As one that waits for a service that does not answer, and has a limit of its own: no ``Exception``."""
    with gevent.Timeout(0.001):
        gevent.sleep(60)


def _asked(call: CallRequest) -> str:
    return json.dumps([call.account, call.surface, call.body], sort_keys=True)


plugin = Gatekeeper()
