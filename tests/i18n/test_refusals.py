"""What customers are refused with is said in their language: every error that their pages can show."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from marshmallow import Schema, fields, validate
from werkzeug.datastructures import MultiDict

from router.errors import RateLimited
from router.i18n.language import language_of
from router.i18n.worded import worded
from router.portal.web.forms import load_form

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = (
    *("There is no person ", "There is no kind of notice ", " has closed the account", "There is no account "),
    *("There is no key ", "The period of a budget is one of "),
)
"""What only operators, the command line and forged forms meet."""


def _messages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages_of_refusals", ROOT / "scripts/messages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MESSAGES = _messages()


def _unsayable() -> Iterator[str]:
    for path, _method in MESSAGES.sources():
        name = path.relative_to(ROOT).as_posix()
        if MESSAGES._REFUSING.match(name):
            for refusal in MESSAGES.refusals(path):
                text = ast.unparse(refusal)
                if isinstance(refusal, ast.JoinedStr) and not any(one in text for one in OPERATORS):
                    yield f"{name}:{refusal.lineno}: {text}"


def test_refusals_with_values_are_worded_so_that_they_can_be_translated() -> None:
    assert list(_unsayable()) == [], "use router.i18n.worded"


def test_an_error_keeps_what_its_message_is_made_of() -> None:
    error = RateLimited(worded("Too many attempts: try again in %(seconds)s seconds.", seconds=7))
    assert error.message == "Too many attempts: try again in 7 seconds."
    assert "попробуйте снова через 7" in language_of("ru").translated(error.message)
    assert language_of("en").translated(error.message) == error.message
    assert language_of("tk").translated("") == "", "gettext answers its header to that"


class _AnyForm(Schema):
    """A field of each kind that customers' forms have."""

    name = fields.String(required=True)
    email = fields.Email()
    about = fields.String(validate=validate.Length(max=3))
    code = fields.String(validate=validate.Length(1, 3))
    agreed = fields.Boolean()
    role = fields.String(validate=validate.OneOf(("owner",)))


@pytest.mark.parametrize("language", ["ru", "tk"])
def test_what_a_form_says_is_in_the_reader_s_language(language: str) -> None:
    sent = {"email": "no address", "about": "longer", "code": "longer", "agreed": "perhaps", "role": "king"}
    form = load_form(_AnyForm(), MultiDict(sent))
    assert set(form.errors) == {"name", *sent}
    for name, messages in form.errors.items():
        for one in messages:
            assert language_of(language).translated(one) != str(one), (name, one)
