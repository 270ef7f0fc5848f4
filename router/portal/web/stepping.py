"""Proving anew who one is, before money and keys are touched, or as the log-in has ended: a page between a form and
what it does.

What was typed is kept: it goes along hidden, and once the proof is given the form is there again, one press from sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import RouterError
from router.office.people.passkeys import passkey_options
from router.portal.web.forms import Form
from router.portal.web.guard import SAFE, is_local
from router.portal.web.passkeys import passkeys_asked, passkeys_of
from router.portal.web.refusing import next_path
from router.portal.web.replies import PageReply, with_wait
from router.portal.web.requests import PageRequest

__all__ = ["AGAIN", "FRESH_S", "form_again", "is_stepped_up", "lost_form", "show_log_in", "step_up_page", "waits"]

FRESH_S = 15 * 60.0
"""How long a proof holds, in seconds."""

AGAIN = "again_"
"""What the names of a form's fields begin with while they wait."""

_PATH = "again"
_SECRETS = ("password", "code", "secret", "credential")
_VALUES_MAX = 100


def is_stepped_up(asked: PageRequest) -> bool:
    """Whether who they are was proved within the last minutes."""
    session = asked.session
    if session is None or session.stepped_at is None:
        return False
    return 0 <= asked.now - session.stepped_at < FRESH_S


def step_up_page(asked: PageRequest, *, wrong: str = "") -> PageReply:
    """The page that asks for the proof.

    Args:
        wrong: what is wrong with the one that was given.
    """
    path, waiting = asked.form.get(_PATH) or asked.path, _waiting(asked)
    shown = {"path": path, "waiting": waiting, "wrong": wrong, "ways": _ways(asked)}
    shown["passkey"] = passkeys_asked(asked)
    return asked.render("step_up.html", status=403 if not wrong else 422, **shown)


def lost_form(asked: PageRequest) -> PageReply | None:
    """The log-in for somebody whose session has ended while a form was filled in, with what was typed; None for others:
    visitors, and programs.
    """
    if asked.method in SAFE or asked.htmx or asked.session is not None or not asked.session_text:
        return None
    path = asked.form.get(_PATH) or asked.path
    return show_log_in(asked, Form(), 401, target=asked.page, waiting=[(_PATH, path), *_waiting(asked)])


def show_log_in(
    asked: PageRequest,
    form: Form,
    status: int = 200,
    error: RouterError | None = None,
    *,
    target: str = "",
    waiting: Sequence[tuple[str, str]] = (),
) -> PageReply:
    """The log-in page.

    Args:
        form: what was typed, and what is wrong there.
        target: where the log-in leads to; as was asked before where it is empty.
        waiting: hidden fields of a form that waits for the log-in; those that were sent along where there are none.
    """
    target = next_path(target or asked.form.get("next", "") or asked.query.get("next", ""))
    plain = asked.site.cookies.secure and asked.scheme != "https" and not is_local(asked.host)
    site = passkeys_of(asked)
    passkey = passkey_options(asked.office, site) if site is not None else ""
    shown = {"form": form, "next": target, "plain_http": plain, "passkey": passkey, "waiting": waiting or waits(asked)}
    return with_wait(asked.render("entry/log_in.html", status=status, **shown), error)


def waits(asked: PageRequest) -> list[tuple[str, str]]:
    """The form that waits for the log-in that is sent with it, as hidden fields; none where none waits."""
    if not asked.path.startswith("/app/login") or _PATH not in asked.form:
        return []
    return [(_PATH, asked.form[_PATH]), *_waiting(asked)]


def form_again(asked: PageRequest) -> PageReply:
    """The form that had to wait, to be sent by a press of a button; or the overview, where none waits."""
    path = asked.form.get(_PATH, "")
    if not path.startswith(("/app/", "/ops/")) or "//" in path or "\\" in path:
        return asked.redirect("/app/")
    fields = [(name.removeprefix(AGAIN), value) for name, value in _waiting(asked)]
    return asked.render("form_again.html", path=path, fields=fields)


def _ways(asked: PageRequest) -> tuple[str, ...]:
    """How somebody can prove who they are: ``code``, ``password``; empty: by a new log-in alone."""
    assert asked.session is not None
    if asked.session.second_factor:
        return ("code",)
    return ("password",) if asked.session.person.has_password else ()


def _waiting(asked: PageRequest) -> list[tuple[str, str]]:
    """The fields of the form that waits, by the names that they have meanwhile; what is secret is typed again."""
    pairs = [(name, value) for name, values in asked.form.lists() for value in values]
    kept = pairs if _PATH not in asked.form else [one for one in pairs if one[0].startswith(AGAIN)]
    named = [(name if name.startswith(AGAIN) else AGAIN + name, value) for name, value in kept]
    return [one for one in named if one[0].removeprefix(AGAIN) not in _SECRETS][:_VALUES_MAX]
