"""Actions: pages that say what will be done, ask why, and do it.

Each is one form on one page, so that there is room for what it does, and its reason goes into the audit log with it.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from marshmallow import Schema, ValidationError, fields

from router.errors import BadRequest, ConfigError, Conflict, Forbidden, NotFound, StoreError, Unavailable
from router.office.actor import Actor
from router.office.audit import CHANGED_MEANWHILE
from router.portal.operator.frame import show
from router.portal.web.forms import Form, empty_form, load_form
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest

__all__ = [
    "ActionField",
    "ConsoleAction",
    "Do",
    "Reason",
    "ReasonForm",
    "action",
    "because",
    "expected",
    "once_field",
    "reference_of",
    "show_action",
]

_REASON = (3, 400)
_REFUSALS = (BadRequest, NotFound, Conflict, Forbidden, ConfigError, Unavailable)
_ONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_CONFLICT = 409
_SERVER_FAULT = 500


class Reason(fields.String):
    """Why something is done, in one line."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = " ".join(str(super()._deserialize(value, attr, data, **kwargs)).split())
        if not _REASON[0] <= len(text) <= _REASON[1]:
            raise ValidationError("Say why, in 3 to 400 characters: it stands in the audit log.")
        if any(unicodedata.category(one)[0] == "C" for one in text):
            raise ValidationError("A reason has no invisible or control characters.")
        return text


class ReasonForm(Schema):
    """What each action asks for."""

    reason = Reason(required=True, error_messages={"required": "Say why: it stands in the audit log."})


@dataclass(frozen=True)
class ActionField:
    """A field of an action's form.

    Attributes:
        kind: ``text``, ``area`` (several lines) or ``check``; ``options`` make it a choice.
        options: (value, title) each.
        mode: the keyboard that phones show: ``decimal``, ``numeric`` or none.
    """

    name: str
    label: str
    hint: str = ""
    kind: str = "text"
    options: Sequence[tuple[str, str]] = ()
    required: bool = False
    mode: str = ""


@dataclass(frozen=True)
class ConsoleAction:
    """What a page of an action shows.

    Attributes:
        back: the page that it belongs to, to which it leads when it is done.
        says: what will happen, a paragraph each.
        facts: what holds now, (name, text) each.
        hidden: what the form carries along.
        typed: what stands in the fields before anything is typed.
        bad: whether it takes something away from somebody.
        reasoned: whether a reason is asked for; what is a text of its own needs none.
        state: what the form is to change, as ``router.office.audit.state_of`` has it; what does it hands ``expected``
            on to the office, which refuses a form that was opened while something else held.
    """

    title: str
    button: str
    back: str
    says: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    fields: Sequence[ActionField] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    bad: bool = False
    reasoned: bool = True
    state: str = ""


Make = Callable[[PageRequest], ConsoleAction]
Do = Callable[[PageRequest, dict[str, Any], Actor], str | None]
"""Does it; gives the page to lead to, or None for that which the action belongs to."""


def action(
    pages: PageRoutes, path: str, make: Make, *, said: str, schema: type[Schema] = ReasonForm
) -> Callable[[Do], Do]:
    """Register an action: the page that asks, and the function below, which does it.

    Args:
        make: what the page shows; it raises ``NotFound`` for what is not there.
        said: the message afterwards, in ``router.portal.operator.said``.
        schema: of its form.
    """

    def register(do: Do) -> Do:
        def ask(request: PageRequest) -> PageReply:
            made = make(request)
            return show_action(request, made, empty_form(**made.typed))

        def act(request: PageRequest) -> PageReply:
            made = make(request)
            form = load_form(schema(), request.form)
            if not form.ok:
                return show_action(request, made, form, 422)
            try:
                target = do(request, form.values, because(request, form.values["reason"]))
            except StoreError:
                raise
            except _REFUSALS as error:
                status = error.status if error.status < _SERVER_FAULT else _CONFLICT
                if error.code == CHANGED_MEANWHILE:
                    made = make(request)  # what holds now, which the next press is about
                return show_action(request, made, form.refuse(error, schema().fields), status)
            return request.redirect(target or made.back, said=said)

        pages.get(path, "operator")(ask)
        pages.post(path, "operator")(act)
        return do

    return register


def expected(request: PageRequest) -> str | None:
    """What held when a form was opened; None of one that does not say."""
    return request.form.get("state")


def because(request: PageRequest, reason: str) -> Actor:
    """Who does it, and why."""
    return replace(request.actor, reason=reason)


def show_action(request: PageRequest, made: ConsoleAction, form: Form, status: int = 200) -> PageReply:
    """An action's page."""
    return show(request, "action.html", status=status, action=made, form=form)


def once_field() -> Mapping[str, str]:
    """The hidden field by which a form that moves money does it once, however often it is sent."""
    return {"once": secrets.token_urlsafe(16)}


def reference_of(once: str) -> str | None:
    """The reference of the transfer that such a form makes: a second one with the same is refused."""
    return f"console:{once}" if _ONCE.fullmatch(once) else None
