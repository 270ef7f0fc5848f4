"""Limits and abuse: sign-ups, verdicts on their free credit, switches, blocks, shared means, limits that were hit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from router.office.actor import Actor
from router.office.console.finding import known_names
from router.office.console.system import COUNTERS, counts
from router.office.payments.means import list_shared_means
from router.office.people.abuse import (
    BLOCKS,
    SignupRow,
    SwitchRow,
    add_block,
    count_signups,
    decide_signup,
    list_blocks,
    list_signups,
    list_switches,
    remove_block,
    set_switch,
)
from router.portal.operator.actions import ActionField, ConsoleAction, ReasonForm, action
from router.portal.operator.frame import given, list_page, nothing_there, show, typed
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES", "VERDICTS"]

PAGES = PageRoutes()

VERDICTS: Mapping[str, str] = {"given": "Given", "waits": "Waits", "refused": "Refused", "none": "None"}
"""Each verdict on free credit, in words."""

_SWITCHES = {
    "signup": ("Sign-ups", "New accounts are refused; invitations still work."),
    "free_credit": ("Free credit", "Sign-ups work; their free credit waits for an operator."),
    "topup": ("Top-ups", "Nobody can pay in; what is under way is still credited."),
}
_WEEK_S = 7 * 86_400
_TOP = 10
_SHARED_MAX = 20


class _BlockForm(ReasonForm):
    """A block of sign-ups."""

    kind = fields.String(required=True, validate=validate.OneOf(BLOCKS))
    value = fields.String(required=True, error_messages={"required": "Write what is blocked."})


@PAGES.get("/ops/abuse", "operator")
def abuse_page(request: PageRequest) -> PageReply:
    """Sign-ups and their verdicts."""
    verdict = typed(request, "verdict")
    verdict = verdict if verdict in VERDICTS else ""

    def read(limit: int) -> list[SignupRow]:
        return list_signups(request.office, before=typed(request, "before"), limit=limit, verdict=verdict)

    found = list_page(read, lambda one: one.id)
    since, told = request.now - _WEEK_S, counts(request.office)
    hit = ("refused_claims", "shortfall_nano", "over_bound", "clamped_usage")
    people = (name for one in found.rows for name in (one.person_id, one.decided_by))
    return show(
        request,
        "abuse.html",
        found=found,
        verdict=verdict,
        verdicts=VERDICTS,
        names=known_names(request.office, people),
        switches=list_switches(request.office),
        switch_names=_SWITCHES,
        blocks=list_blocks(request.office),
        domains=count_signups(request.office, "domain", since=since, limit=_TOP),
        networks=count_signups(request.office, "network", since=since, limit=_TOP),
        shared=list_shared_means(request.office, _SHARED_MAX + 1),
        shared_max=_SHARED_MAX,
        counters=[(name, COUNTERS[name], told[name]) for name in hit],
    )


def _decide(request: PageRequest, *, give: bool) -> ConsoleAction:
    signup_id, back = request.params["signup_id"], "/ops/abuse?verdict=waits"
    facts = [("Sign-up", signup_id)]
    if give:
        says = ("Its account is given the free credit of sign-ups, once.",)
        return ConsoleAction("Give the free credit", "Give it", back, says, facts)
    says = ("Its account gets no free credit. It works all the same; nothing is said to the person.",)
    return ConsoleAction("Give no free credit", "Refuse it", back, says, facts, bad=True)


@action(PAGES, "/ops/abuse/signups/<signup_id>/give", lambda one: _decide(one, give=True), said="signup_given")
def give_credit(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Give a sign-up its credit."""
    decide_signup(request.office, actor, request.params["signup_id"], True, reason=values["reason"])


@action(PAGES, "/ops/abuse/signups/<signup_id>/refuse", lambda one: _decide(one, give=False), said="signup_refused")
def refuse_credit(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Give a sign-up none."""
    decide_signup(request.office, actor, request.params["signup_id"], False, reason=values["reason"])


def _switch(request: PageRequest) -> ConsoleAction:
    row = _switch_row(request)
    title, says = _SWITCHES.get(row.name, (row.name, ""))
    facts = [("Now", "off" if row.off else "on"), ("Reason", row.reason or "none")]
    if row.off:
        return ConsoleAction(f"Turn on: {title}", "Turn it on", "/ops/abuse", ("It works again, at once.",), facts)
    return ConsoleAction(f"Turn off: {title}", "Turn it off", "/ops/abuse", (says,), facts, bad=True)


@action(PAGES, "/ops/abuse/switches/<name>", _switch, said="switched")
def turn(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Turn a switch."""
    row = _switch_row(request)
    set_switch(request.office, actor, row.name, not row.off, reason=values["reason"])


def _block(request: PageRequest) -> ConsoleAction:
    asked = (
        ActionField("kind", "What", options=tuple((one, one.capitalize()) for one in BLOCKS)),
        ActionField(
            "value",
            "Which",
            hint="example.org with all below it; ada@example.org with all aliases; 192.0.2.0/24 or 2001:db8::/64.",
            required=True,
        ),
    )
    says = ("Sign-ups from it are refused from now on. Who has signed up already stays.",)
    shown = {"kind": given(request, "kind"), "value": given(request, "value")}
    return ConsoleAction("Block sign-ups", "Block them", "/ops/abuse", says, (), asked, typed=shown, bad=True)


@action(PAGES, "/ops/abuse/block", _block, said="blocked", schema=_BlockForm)
def block(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Block sign-ups."""
    add_block(request.office, actor, values["kind"], values["value"], reason=values["reason"])


def _unblock(request: PageRequest) -> ConsoleAction:
    kind, value = given(request, "kind"), given(request, "value")
    carried = {"kind": kind, "value": value}
    return ConsoleAction(
        "Lift a block", "Lift it", "/ops/abuse", ("Sign-ups from it are taken again.",), [(kind, value)], hidden=carried
    )


@action(PAGES, "/ops/abuse/unblock", _unblock, said="unblocked", schema=_BlockForm)
def unblock(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Lift a block."""
    remove_block(request.office, actor, values["kind"], values["value"])


def _switch_row(request: PageRequest) -> SwitchRow:
    found = {one.name: one for one in list_switches(request.office)}.get(request.params["name"])
    if found is None:
        raise nothing_there("such switch")
    return found
