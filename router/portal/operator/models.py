"""Models: which can be called, why others cannot, their switches and their aliases."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from router.office.actor import Actor
from router.office.console.model_lines import ModelLine, model_line, model_lines
from router.office.models import remove_alias, set_alias, set_model_enabled
from router.portal.operator.actions import ActionField, ConsoleAction, ReasonForm, action
from router.portal.operator.frame import PAGE, ListPage, given, nothing_there, show, typed
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES", "lines_page", "matching"]

PAGES = PageRoutes()

_SHOWS = ("sold", "unsold", "disabled", "below")


class _ModelForm(ReasonForm):
    """A model that something is done to."""

    model = fields.String(required=True)


class _AliasForm(ReasonForm):
    """An alias, and what it means."""

    alias = fields.String(required=True, error_messages={"required": "Write the alias."})
    model = fields.String(required=True, error_messages={"required": "Write a model ID."})


class _NoAliasForm(ReasonForm):
    """An alias that is to mean nothing."""

    alias = fields.String(required=True)


def matching(request: PageRequest) -> tuple[list[ModelLine], bool]:
    """The models that the address asks for, and whether it leaves any out."""
    text, provider, shows = typed(request, "q").lower(), typed(request, "provider"), typed(request, "show")
    found = [
        one
        for one in model_lines(request.office)
        if (not text or text in one.entry.id.lower() or any(text in alias.lower() for alias in one.aliases))
        and (not provider or one.entry.provider == provider)
        and _shows(one, shows)
    ]
    return found, bool(text or provider or shows in _SHOWS)


def lines_page(request: PageRequest, lines: list[ModelLine]) -> ListPage[ModelLine]:
    """A page of them, behind the ID that the address names."""
    after = typed(request, "after")
    rest = [one for one in lines if one.entry.id > after]
    return ListPage(rest[:PAGE], rest[PAGE - 1].entry.id if len(rest) > PAGE else "")


@PAGES.get("/ops/models", "operator")
def models_page(request: PageRequest) -> PageReply:
    """All models of the catalogue."""
    lines, filtered = matching(request)
    aliases = sorted(request.office.shelf.snapshot.aliases.items())
    return show(
        request,
        "models.html",
        found=lines_page(request, lines),
        count=len(lines),
        filtered=filtered,
        providers=[(one, one) for one in sorted({line.entry.provider for line in model_lines(request.office)})],
        aliases=aliases,
    )


@PAGES.get("/ops/models/one", "operator")
def model_page(request: PageRequest) -> PageReply:
    """One model."""
    return show(request, "model.html", line=_line(request))


def _switch(request: PageRequest, *, on: bool) -> ConsoleAction:
    line = _line(request)
    model = line.entry.id
    back, carried = f"/ops/models/one?model={model}", {"model": model}
    facts = [("Provider", line.entry.provider), ("Aliases", ", ".join(line.aliases) or "none")]
    if on:
        return ConsoleAction(f"Enable {model}", "Enable it", back, ("It can be called again.",), facts, hidden=carried)
    says = ("It stands on no list any more, and calls to it are refused within a second.",)
    return ConsoleAction(f"Disable {model}", "Disable it", back, says, facts, hidden=carried, bad=True)


@action(PAGES, "/ops/models/enable", lambda one: _switch(one, on=True), said="model_on", schema=_ModelForm)
def enable_model(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Let clients use a model again."""
    set_model_enabled(request.office, actor, values["model"], True)


@action(PAGES, "/ops/models/disable", lambda one: _switch(one, on=False), said="model_off", schema=_ModelForm)
def disable_model(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Hide a model."""
    set_model_enabled(request.office, actor, values["model"], False)


def _alias(request: PageRequest) -> ConsoleAction:
    alias, model = given(request, "alias"), given(request, "model")
    asked = (
        ActionField("alias", "Alias", hint="What clients may write, such as fast.", required=True),
        ActionField("model", "Means", hint="A model ID.", required=True),
    )
    says = ("Calls for the alias are charged as what it means. One that is there gets the new meaning.",)
    return ConsoleAction(
        "Set an alias", "Set it", "/ops/models", says, (), asked, typed={"alias": alias, "model": model}
    )


@action(PAGES, "/ops/models/alias", _alias, said="alias_set", schema=_AliasForm)
def change_alias(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Let an alias mean a model."""
    set_alias(request.office, actor, values["alias"], values["model"])


def _no_alias(request: PageRequest) -> ConsoleAction:
    alias = given(request, "alias")
    says = (f"Calls for {alias} are refused from then on.",)
    return ConsoleAction("Remove an alias", "Remove it", "/ops/models", says, hidden={"alias": alias}, bad=True)


@action(PAGES, "/ops/models/no-alias", _no_alias, said="alias_removed", schema=_NoAliasForm)
def drop_alias(request: PageRequest, values: dict[str, Any], actor: Actor) -> None:
    """Let an alias mean nothing."""
    remove_alias(request.office, actor, values["alias"])


def _line(request: PageRequest) -> ModelLine:
    line = model_line(request.office, given(request, "model"))
    if line is None:
        raise nothing_there("such model in the catalogue")
    return line


def _shows(line: ModelLine, shows: str) -> bool:
    if shows == "sold":
        return not line.why_not
    if shows == "unsold":
        return bool(line.why_not)
    if shows == "disabled":
        return not line.entry.enabled
    return bool(line.below_cost) if shows == "below" else True
