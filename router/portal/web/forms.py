"""Forms: checked by marshmallow, with every error at its field and what was typed kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow.fields import List, String
from werkzeug.datastructures import MultiDict

from router.errors import RouterError
from router.i18n.worded import worded

__all__ = ["Form", "OnceField", "empty_form", "form_once", "load_form"]


def _(message: str) -> str:
    """Mark a text for translation: templates write it in the reader's language."""
    return message


_WORDS = {
    "Missing data for required field.": _("Please fill this in."),
    "Not a valid email address.": _("This is not an address of mail: write one such as ada@example.com."),
    "Not a valid string.": _("Please fill this in."),
    "Not a valid boolean.": _("Choose one of those that are offered."),
}
_TOO_LONG = re.compile(r"(?:Longer than maximum length|Length must be between \d+ and) (\d+)\.", re.ASCII)
_ONCE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


class OnceField(String):
    """The hidden field by which a form that makes something does it once, however often it is sent."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        return text if _ONCE.fullmatch(text) else ""


@dataclass
class Form:
    """A form that was sent, or one that is still empty.

    Attributes:
        typed: name -> what was typed, to be shown again; secrets are left out by the template.
        values: name -> what it means; of a form without errors.
        errors: name -> what is wrong there; ``""`` for the whole form.
    """

    typed: Mapping[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.errors

    def refuse(self, error: RouterError | str, names: Iterable[str] = ()) -> Form:
        """The same with what the office says is wrong, at the field that it names, if the form has that.

        Args:
            names: the form's fields, where the error's ``param`` may be none of those that were typed.
        """
        message = error if isinstance(error, str) else error.message
        param = "" if isinstance(error, str) else error.param or ""
        name = param if param in self.typed or param in set(names) else ""
        self.errors.setdefault(name, []).append(message)
        return self


def form_once() -> str:
    """What stands in such a field of a form that is shown anew."""
    return secrets.token_urlsafe(16)


def empty_form(**typed: Any) -> Form:
    """A form before it is sent, with what stands in its fields."""
    return Form({name: value for name, value in typed.items() if value is not None})


def load_form(schema: Schema, sent: MultiDict[str, str]) -> Form:
    """Check a form; its unknown fields do not count."""
    many = {name for name, one in schema.fields.items() if isinstance(one, List)}
    typed: dict[str, Any] = {
        name: sent.getlist(name) if name in many else sent.get(name) for name in schema.fields if name in sent
    }
    given = {name: value for name, value in typed.items() if value != ""}
    try:
        return Form(typed, dict(schema.load(given, unknown=EXCLUDE)))
    except ValidationError as error:
        messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        return Form(typed, {}, {_name(name): _texts(said) for name, said in messages.items()})


def _name(name: object) -> str:
    return "" if name == "_schema" else str(name)


def _texts(said: Any) -> list[str]:
    if isinstance(said, Mapping):
        return [text for one in said.values() for text in _texts(one)]
    return [_worded(one) for one in said] if isinstance(said, list) else [_worded(said)]


def _worded(said: object) -> str:
    """What marshmallow itself says, in our words, which are there in each language; others as they are."""
    text = said if isinstance(said, str) else str(said)
    if text in _WORDS:
        return _WORDS[text]
    if (found := _TOO_LONG.fullmatch(text)) is not None:
        return worded("At most %(most)s characters.", most=found[1])
    return _("Choose one of those that are offered.") if text.startswith("Must be one of: ") else text
