"""A mail as it is written: from its template, in a language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from router.i18n.language import Language, language_of, zone_of
from router.mail.purposes import PURPOSES, Purpose

__all__ = ["Mail", "NoticeText", "Sender", "notice_text", "write_mail"]

_TYPED = frozenset({"agent", "key", "name", "workspace"})  # what somebody else may have typed
_VALUE_MAX = 300
_DOT = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})|(?<=:)//")
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")  # what holds an amount and its currency together stays
_GAP = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one person, in text and in HTML that say the same."""

    recipient: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes.

    Attributes:
        name: how the portal is called.
        url: its origin, before every link.
        currency: of all amounts.
    """

    name: str
    url: str
    currency: str


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A notice as a page shows it: what it is in a few words, in a sentence, and where it leads."""

    title: str
    text: str
    path: str


def write_mail(
    sender: Sender, recipient: str, purpose: str, language: str, values: Mapping[str, str], *, zone: str = ""
) -> Mail:
    """Write a mail.

    Args:
        purpose: one of ``PURPOSES``.
        language: the code of a language.
        values: what its purpose needs.
        zone: IANA name of the recipient's time zone; UTC where empty or not known.

    Raises:
        ValueError: there is no such purpose, or it needs a value that is not given.
    """
    kind = _purpose(purpose, values)
    context = _context(sender, kind, language_of(language), values, zone) | {"recipient": recipient}
    text = _templates(language, html=False)
    html = _templates(language, html=True)
    name = f"{purpose}.jinja"
    return Mail(
        recipient,
        _block(text, name, "subject", context),
        _GAP.sub("\n\n", text.get_template(name).render(context | {"layout": "layout.txt", "parts": "parts.txt"}))
        + "\n",
        html.get_template(name).render(context | {"layout": "layout.html", "parts": "parts.html"}) + "\n",
    )


def notice_text(sender: Sender, type: str, language: str, values: Mapping[str, str], *, zone: str = "") -> NoticeText:
    """A notice as its mail says it, for a page; as for ``write_mail``."""
    kind = _purpose(type, values)
    context = _context(sender, kind, language_of(language), values, zone)
    text = _templates(language, html=False)
    name = f"{type}.jinja"
    return NoticeText(_block(text, name, "subject", context), _block(text, name, "summary", context), kind.path)


def _purpose(name: str, values: Mapping[str, str]) -> Purpose:
    if name not in PURPOSES:
        raise ValueError(f"there is no mail {name!r}; there are {', '.join(sorted(PURPOSES))}")
    missing = [need for need in PURPOSES[name].needs if need not in values]
    if missing:
        raise ValueError(f"the mail {name!r} needs {', '.join(missing)}")
    return PURPOSES[name]


def _context(
    sender: Sender, purpose: Purpose, language: Language, values: Mapping[str, str], zone: str
) -> dict[str, Any]:
    """What a template sees: values as the language writes them."""
    where = zone_of(zone)
    place = zone if str(where) == zone else "UTC"

    def moment(seconds: str) -> str:
        return f"{language.moment(float(seconds), where)} ({place})"

    shown: dict[str, Any] = {name: _shown(name, value, language, sender, moment) for name, value in values.items()}
    return shown | {
        "portal": sender.name,
        "link": purpose.link(sender.url, values),
        "language": language,
    }


def _shown(name: str, value: str, language: Language, sender: Sender, moment: Callable[[str], str]) -> str:
    if name.endswith("_rate_nano"):
        return language.price(int(value), sender.currency)
    if name.endswith("_nano"):
        return language.money(int(value), sender.currency)
    if name == "at" or name.endswith("_at"):
        return moment(value)
    if name.endswith("_s"):
        return language.lasting(int(float(value)))
    plain = "".join(" " if unicodedata.category(one)[0] == "C" else one for one in value[:_VALUE_MAX])
    text = _BLANKS.sub(" ", plain).strip()
    return _DOT.sub(lambda found: f"\u2060{found[0]}", text) if name in _TYPED else text


def _block(templates: Environment, name: str, block: str, context: Mapping[str, Any]) -> str:
    """One block of a template, on one line."""
    template = templates.get_template(name)
    return _BLANKS.sub(" ", "".join(template.blocks[block](template.new_context(dict(context))))).strip()


@cache
def _templates(code: str, *, html: bool) -> Environment:
    """The templates in one language."""
    environment = Environment(
        loader=PackageLoader("router.mail"),
        autoescape=html,  # noqa: S701 - text has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    language = language_of(code)
    install: Callable[..., None] = environment.install_gettext_callables  # type: ignore[attr-defined]
    install(language.gettext, language.ngettext, newstyle=True)
    return environment
