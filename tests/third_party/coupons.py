"""A third party's plugin, by public names alone: coupons kept in a table, and a policy that counts calls."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from router import (
    BadRequest,
    Claim,
    Facts,
    FormField,
    Job,
    Key,
    MenuEntry,
    Migration,
    NotFound,
    Outcome,
    PageForm,
    PageTable,
    PluginConnection,
    PluginContext,
    PluginRoute,
    PolicyContext,
    PortalPage,
    Quote,
    RefusalRecord,
    RouteRequest,
    RouteResponse,
    RouteSchema,
    Text,
    Window,
    hookimpl,
)

requires_hooks = "0.2"

TABLES = """
CREATE TABLE coupons_codes (code TEXT PRIMARY KEY, worth BIGINT NOT NULL, until DOUBLE PRECISION NOT NULL);
CREATE TABLE coupons_refused (request_id TEXT PRIMARY KEY, code TEXT NOT NULL, account TEXT NOT NULL);
"""
WORTH = {"code": {"type": "string"}, "worth": {"type": "integer"}, "until": {"type": "number"}}
ADD = RouteSchema(
    "Adds a code.",
    {"application/json": {"type": "object", "required": list(WORTH), "properties": WORTH}},
    {"application/json": {"type": "object", "required": ["code"]}},
    status=201,
)
CODES = "SELECT code, worth FROM coupons_codes WHERE until > ? ORDER BY code"


@dataclass(frozen=True)
class Settings:
    """Attributes:
    calls_per_hour: of one account.
    sweep_s: between two looks for codes that are over.
    """

    calls_per_hour: int = 1000
    sweep_s: float = 60.0


class Coupons:
    def __init__(self) -> None:
        self.context: PluginContext | None = None
        self.notes: list[tuple[str, str]] = []

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def storage_migrations(self) -> Sequence[Migration]:
        return [Migration(1, "codes, and who was refused", TABLES)]

    @hookimpl
    def startup(self, context: PluginContext) -> None:
        self.context = context
        context.log.warning("coupons: %d calls an hour", context.settings.calls_per_hour)

    # Tables, from a job, a command and routes.

    @hookimpl
    def jobs(self, context: PluginContext) -> Sequence[Job]:
        def sweep() -> None:
            over = "DELETE FROM coupons_codes WHERE until <= ?"
            context.database.write(lambda connection: connection.execute(over, (time.time(),)))

        return [Job("sweep", context.settings.sweep_s, sweep)]

    @hookimpl
    def commands(self, context: PluginContext) -> Sequence[click.Command]:
        @click.command("coupons")
        @click.option("--json", "_json", is_flag=True)
        def listed(_json: bool) -> None:
            """The codes that hold."""
            rows = context.database.read(lambda connection: connection.rows(CODES, (time.time(),)))
            click.echo(json.dumps({"codes": rows, "an_hour": context.settings.calls_per_hour}))

        return [listed]

    @hookimpl
    def routes(self, context: PluginContext) -> Sequence[PluginRoute]:
        def add(request: RouteRequest) -> RouteResponse:
            try:
                value: Mapping[str, Any] = json.loads(request.body)
                row = (str(value["code"]), int(value["worth"]), float(value["until"]))
            except (ValueError, KeyError, TypeError):
                raise BadRequest("Send code, worth and until.", param="code") from None
            insert = "INSERT INTO coupons_codes (code, worth, until) VALUES (?, ?, ?)"

            def keep(connection: PluginConnection) -> None:
                connection.execute(insert, row)
                connection.audit("add", row[0], {"worth": row[1]}, actor=request.person, kind="operator")

            context.database.write(keep)
            return RouteResponse.json({"code": row[0]}, 201)

        def one(request: RouteRequest) -> RouteResponse:
            query = "SELECT code, worth FROM coupons_codes WHERE code = ?"
            row = context.database.read(lambda connection: connection.row(query, (request.params["code"],)))
            if row is None:
                raise NotFound("There is no such coupon.")
            return RouteResponse.json(row)

        def refused(request: RouteRequest) -> RouteResponse:
            query = "SELECT code, account FROM coupons_refused ORDER BY request_id"
            return RouteResponse.json(context.database.read(lambda connection: connection.rows(query)))

        def mine(request: RouteRequest) -> RouteResponse:
            assert request.key is not None and "authorization" not in request.headers
            return RouteResponse.json({"account": request.account, "key": request.key.id})

        def page(request: RouteRequest) -> RouteResponse:
            rows = context.database.read(lambda connection: connection.rows("SELECT code, worth FROM coupons_codes"))
            table = PageTable(
                ("Code", "Worth"), [(str(row["code"]), str(row["worth"])) for row in rows], empty="No coupons."
            )
            form = PageForm("/page/note", (FormField("note", "Note", value="<b>bold</b>"),), "Send")
            notes = Facts(self.notes, title="Notes")
            return RouteResponse(page=PortalPage("Coupons", (Text("<script>alert(1)</script>"), table, form, notes)))

        def note(request: RouteRequest) -> RouteResponse:
            if not request.person:
                raise BadRequest("Notes are taken in the portal.")
            self.notes.append((request.role, request.body.decode("utf-8", "replace")))
            return RouteResponse(go_to="/page")

        return [
            PluginRoute("/codes/{code}", ("GET",), "public", one),
            PluginRoute("/codes", ("POST",), "operator", add, max_body_bytes=1000, schema=ADD),
            PluginRoute("/refused", ("GET",), "operator", refused),
            PluginRoute("/mine", ("GET",), "key", mine),
            PluginRoute("/page", ("GET",), "session", page),
            PluginRoute("/page/note", ("POST",), "session", note),
        ]

    @hookimpl
    def menu(self, context: PluginContext) -> Sequence[MenuEntry]:
        return [MenuEntry("Coupons", "/page")]

    @hookimpl
    def call_refused(self, record: RefusalRecord) -> None:
        assert self.context is not None
        insert = "INSERT INTO coupons_refused (request_id, code, account) VALUES (?, ?, ?)"
        row = (record.request_id, record.code, record.account)
        self.context.database.write(lambda connection: connection.execute(insert, row))

    # A policy to stand beside others.

    @hookimpl
    def billing_claims(self, key: Key, quote: Quote, context: PolicyContext) -> Sequence[Claim]:
        assert context.account == key.account and context.model == quote.model
        most = context.settings.calls_per_hour
        message = f"{most} calls an hour are all that coupons allow."
        return [Claim(f"calls:{context.account}", 1, most, Window(3600), message=message)]

    @hookimpl
    def billing_settle(self, claims: Sequence[Claim], outcome: Outcome) -> Sequence[int]:
        return [1 for _ in claims]


plugin = Coupons()
plugin.requires_hooks = requires_hooks  # type: ignore[attr-defined]
