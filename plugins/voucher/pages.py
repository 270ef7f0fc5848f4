"""The operator's page: codes made, listed and revoked in the console."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from router_plugins.voucher.table import Codes
from router_plugins.voucher.wording import amount, lasting, moment, shown

from router import (
    BadRequest,
    FormField,
    PageForm,
    PageTable,
    PluginContext,
    PluginRoute,
    PortalPage,
    RouteRequest,
    RouterError,
    RouteResponse,
    Text,
)

__all__ = ["PATH", "page_routes"]

PATH = "/codes"
_SHOWN = 200
_AT_ONCE = 500
_AUDITED = "Who made, used and revoked codes stands in the audit log: its actions begin with voucher."


def page_routes(context: PluginContext) -> Sequence[PluginRoute]:
    """The page, and what its forms send."""

    def page(request: RouteRequest) -> RouteResponse:
        return _answer(context, {"codes": _rows(context)})

    def make(request: RouteRequest) -> RouteResponse:
        given = _fields(request)
        try:
            count = _count(given.get("count", ""))
            until = moment(given.get("expires", ""), time.time())
            nano, campaign = amount(given.get("amount", "")), given.get("campaign", "")
            kind: dict[str, Any] = {"granted": _granted(given), "lasts_s": lasting(given.get("lasts", ""))}
            made = Codes(context).make(_actor(request), nano, count, campaign, until, **kind)
        except BadRequest as error:
            return _refused(context, request, given, error)
        about = [{"id": one.id, "code": one.code} for one in made]
        return _answer(context, {"made": about}, made=[one.code for one in made], status=201)

    def revoke(request: RouteRequest) -> RouteResponse:
        given = _fields(request)
        ids = [code_id] if (code_id := given.get("id", "").strip()) else []
        campaign = given.get("campaign", "")
        try:
            if not ids and not campaign:
                raise BadRequest("Name a code by its ID, or a campaign.", param="id")
            revoked = Codes(context).revoke(_actor(request), ids, campaign, given.get("reason", ""))
        except RouterError as error:
            return _refused(context, request, given, error)
        return _answer(context, {"revoked": revoked}, said=f"{len(revoked)} codes are revoked.")

    return [
        PluginRoute(PATH, ("GET",), "operator", page),
        PluginRoute(f"{PATH}/make", ("POST",), "operator", make, max_body_bytes=10_000),
        PluginRoute(f"{PATH}/revoke", ("POST",), "operator", revoke, max_body_bytes=10_000),
    ]


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:6]) <= _AT_ONCE:
        raise BadRequest(f"From 1 to {_AT_ONCE} codes can be made here at a time.", param="count")
    return int(text)


def _granted(given: Mapping[str, str]) -> bool:
    text = given.get("granted", "").strip().lower()
    if text not in ("", "no", "false", "yes", "true"):
        raise BadRequest("Write yes, or no.", param="granted")
    return text in ("yes", "true")


def _fields(request: RouteRequest) -> dict[str, str]:
    """What a form sent, or a program as JSON.

    Raises:
        BadRequest: neither can be read.
    """
    try:
        text = request.body.decode("utf-8")
        if "json" in request.headers.get("content-type", ""):
            return {str(name): str(value) for name, value in json.loads(text).items()}
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
    except (ValueError, AttributeError):
        raise BadRequest("Send the fields as a form does, or as a JSON object.") from None


def _actor(request: RouteRequest) -> str:
    return request.person or "operator"


def _rows(context: PluginContext) -> list[dict[str, str]]:
    now = time.time()
    return [shown(row, now) for row in Codes(context).listed(limit=_SHOWN)]


def _refused(context: PluginContext, request: RouteRequest, given: dict[str, str], error: RouterError) -> RouteResponse:
    """The page again with what is wrong beside its field, for who looks at it; programs get the error."""
    if not request.person:
        raise error
    return _answer(context, {}, given=given, error=error, status=error.status)


def _answer(
    context: PluginContext,
    told: object,
    *,
    made: Sequence[str] = (),
    said: str = "",
    given: dict[str, str] | None = None,
    error: RouterError | None = None,
    status: int = 200,
) -> RouteResponse:
    """One answer for programs and for the console."""
    blocks: list[Text | PageForm | PageTable] = []
    if made:
        blocks.append(
            Text("These codes are shown this once. Copy them now: the gateway keeps only their digests.", "warn")
        )
        blocks.append(PageTable(("Code",), [(code,) for code in made], title="New codes"))
    if said:
        blocks.append(Text(said, "ok"))
    if error is not None:
        blocks.append(Text(error.message, "bad"))
    wrong = {error.param or "": error.message} if error is not None else {}
    blocks += [_make_form(context, given or {}, wrong), _table(_rows(context)), _revoke_form(wrong), Text(_AUDITED)]
    answer = RouteResponse.json(told, status)
    return RouteResponse(answer.body, status, answer.headers, page=PortalPage("Vouchers", tuple(blocks)))


def _make_form(context: PluginContext, given: dict[str, str], wrong: dict[str, str]) -> PageForm:
    def one(name: str, label: str, value: str = "", hint: str = "", kind: str = "text") -> FormField:
        return FormField(name, label, kind, given.get(name, value), hint, wrong.get(name, ""))

    fields = (
        one("amount", f"Worth of each, in {context.currency}", "10"),
        one("count", "How many", "1", kind="number"),
        one("campaign", "Campaign", hint="By which they are found again; may be empty."),
        one("expires", "Until", hint="30d, or 2027-01-31; empty for ever."),
        one("granted", "Granted", "no", hint="yes for gifts and campaigns: credit that nobody paid for."),
        one("lasts", "The credit lasts", hint="90d from its use; of granted credit alone, empty for ever."),
    )
    return PageForm(f"{PATH}/make", fields, "Make codes", "Make codes")


def _revoke_form(wrong: dict[str, str]) -> PageForm:
    fields = (
        FormField("id", "ID of a code", hint="vch_...", error=wrong.get("id", "")),
        FormField("campaign", "Or a campaign", hint="All of it that nobody has used."),
        FormField("reason", "Why"),
    )
    return PageForm(f"{PATH}/revoke", fields, "Revoke", "Revoke codes", danger=True)


def _table(rows: Sequence[dict[str, str]]) -> PageTable:
    head = ("ID", "Ends with", "Worth", "Credit", "Campaign", "State", "Account", "Until", "Made by")
    names = ("id", "ends_with", "amount", "kind", "campaign", "state", "account", "expires_at", "made_by")
    return PageTable(head, [[row[name] for name in names] for row in rows], "Codes", "No codes were made yet.")
