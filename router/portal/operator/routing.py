"""Routing: who served which model, how often another had to, and the fallbacks that are tried."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from router.office.actor import Actor
from router.office.console.provider_health import SAMPLE, routing
from router.office.fallbacks import clear_fallbacks, list_fallbacks, set_fallbacks
from router.portal.operator.actions import ActionField, ConsoleAction, ReasonForm, action
from router.portal.operator.frame import given, show
from router.portal.operator.providers import WINDOWS, window_of
from router.portal.web.fields import Lines
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()


class _FallbacksForm(ReasonForm):
    """A model's fallbacks."""

    model = fields.String(required=True)
    targets = Lines(required=True, error_messages={"required": "Write one model ID a line."})


class _OneModelForm(ReasonForm):
    """A model that something is done to."""

    model = fields.String(required=True)


@PAGES.get("/ops/routing", "operator")
def routing_page(request: PageRequest) -> PageReply:
    """Who served what."""
    window, words, seconds = window_of(request, "24h")
    return show(
        request,
        "routing.html",
        routing=routing(request.office, seconds),
        fallbacks=list_fallbacks(request.office),
        window=window,
        words=words,
        windows=WINDOWS,
        sample=SAMPLE,
        attempts=request.office.settings.gateway.max_attempts,
    )


def _set(request: PageRequest) -> ConsoleAction:
    model = given(request, "model")
    known = {one.model: one.targets for one in list_fallbacks(request.office)}
    asked = (
        ActionField("model", "Model", hint="A model ID or an alias.", required=True),
        ActionField("targets", "Tried in turn when it fails", hint="One model ID a line, best first.", kind="area"),
    )
    says = ("A call goes on to the next one only before its first output, and only where its key may use that.",)
    shown = {"model": model, "targets": "\n".join(known.get(model, ()))}
    return ConsoleAction("Fallbacks of a model", "Set them", "/ops/routing", says, (), asked, typed=shown)


@action(PAGES, "/ops/routing/fallbacks", _set, said="fallbacks_set", schema=_FallbacksForm)
def change_fallbacks(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Set a model's fallbacks."""
    set_fallbacks(request.office, actor, values["model"], values["targets"])


def _clear(request: PageRequest) -> ConsoleAction:
    model = given(request, "model")
    says = (f"When {model} fails, nothing else is tried any more.",)
    return ConsoleAction("Clear fallbacks", "Clear them", "/ops/routing", says, hidden={"model": model}, bad=True)


@action(PAGES, "/ops/routing/clear", _clear, said="fallbacks_cleared", schema=_OneModelForm)
def remove_fallbacks(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Forget a model's fallbacks."""
    clear_fallbacks(request.office, actor, values["model"])
