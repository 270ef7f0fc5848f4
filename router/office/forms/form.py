"""A form: what comes in is loaded by it, and what is wrong is said at the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from marshmallow import RAISE, Schema, ValidationError

from router.errors import BadRequest
from router.plugin_host.validate import nearest

__all__ = ["Loaded", "NothingForm", "OfficeForm", "load", "read_form", "read_json"]

_FORM = "_schema"
_TOLD_MAX = 10


class OfficeForm(Schema):
    """The root of all forms: a field that it does not know is refused, never dropped in silence.

    Args:
        of_text: whether all values are text, as a page's form and a query have them: ``5`` and ``on`` are then a number
            and true, and an input that is left empty says nothing.
    """

    class Meta:
        unknown = RAISE

    def __init__(self, *, of_text: bool = False) -> None:
        self.of_text = of_text
        super().__init__()


class NothingForm(OfficeForm):
    """Takes nothing."""


class Loaded(NamedTuple):
    """What a form made of values.

    Attributes:
        values: of the fields that were there, as the office takes them; empty where something is wrong.
        errors: field -> what is wrong with it, a clause that follows its name. Under the empty name: with the whole.
    """

    values: dict[str, Any]
    errors: dict[str, str]


def read_form(form: type[OfficeForm], values: Mapping[str, Any], *, of_text: bool = False) -> Loaded:
    """Values as a form has them: those of a JSON body, or the texts of a page's form or a query (``of_text``)."""
    made = form(of_text=of_text)
    try:
        return Loaded(dict(made.load(values)), {})
    except ValidationError as error:
        told = error.messages_dict
    known = [field.data_key or name for name, field in made.fields.items()]
    errors = {}
    for name, messages in told.items():
        if name not in known and name != _FORM:
            errors[str(name)] = f"is no field here{nearest(str(name), known)}"
        else:
            errors["" if name == _FORM else name] = _first(messages)
    return Loaded({}, errors)


def load(form: type[OfficeForm], values: Mapping[str, Any], *, of_text: bool = False) -> dict[str, Any]:
    """The same for an API.

    Raises:
        BadRequest: what is wrong with each field; ``param`` names the first.
    """
    loaded, errors = read_form(form, values, of_text=of_text)
    if errors:
        told = "; ".join(f"'{name[:100]}' {said}" if name else said for name, said in list(errors.items())[:_TOLD_MAX])
        first = next(iter(errors))
        raise BadRequest(f"{told}.", code="invalid_value", param=first[:100] or None)
    return loaded


def read_json(raw: bytes) -> dict[str, Any]:
    """The object that a body holds; numbers with a fraction are exact. An empty body is an empty object.

    Raises:
        BadRequest: it is no JSON, or no object.
    """
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw, parse_float=Decimal, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, json.JSONDecodeError) else "it is not JSON, or is nested too deeply"
        raise BadRequest(f"The request body is not valid JSON: {said}.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise BadRequest("The request body must be a JSON object.", code="invalid_json")
    return value


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _first(messages: Any) -> str:
    """The first message, however deep marshmallow keeps it."""
    while isinstance(messages, (dict, list)):
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages), "is wrong")
    return str(messages)
