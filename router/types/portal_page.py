"""A page of a plugin's in the portal: what it says, which the portal writes in its own look.

A plugin gives no HTML, so that nothing of it can break out of the frame: texts, tables and forms are told as data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Facts", "FormField", "PageForm", "PageTable", "PortalPage", "Text"]


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. ``tone`` is ``plain``, ``ok``, ``warn`` or ``bad``."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they have, one below the other."""

    rows: Sequence[tuple[str, str]]
    title: str = ""


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table; ``empty`` is said where there are no rows."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    Attributes:
        name: under which its value is sent.
        kind: ``text``, ``number``, ``email``, ``password``, ``checkbox``, ``hidden`` or ``choice``.
        choices: value and title each, of ``choice``.
        error: what is wrong with what was typed; empty for nothing.
    """

    name: str
    label: str = ""
    kind: str = "text"
    value: str = ""
    hint: str = ""
    error: str = ""
    choices: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class PageForm:
    """A form.

    Attributes:
        path: one of the plugin's own routes for ``POST``, which gets the fields as an HTML form sends them.
        button: what sends it.
        danger: whether it takes something away.
    """

    path: str
    fields: Sequence[FormField]
    button: str
    title: str = ""
    danger: bool = False


@dataclass(frozen=True, slots=True)
class PortalPage:
    """A page.

    Attributes:
        blocks: one below the other.
    """

    title: str
    blocks: Sequence[Text | Facts | PageTable | PageForm] = field(default_factory=tuple)
