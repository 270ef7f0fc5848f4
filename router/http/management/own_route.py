"""What a route of an account's own API is: its request, its answer, and what describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from router.http.management.rows import key_row
from router.office.actor import Actor
from router.office.customers import own
from router.office.forms.form import OfficeForm
from router.office.keys import KeyRow
from router.office.office import Office
from router.types.keys import Key

__all__ = ["OwnAnswer", "OwnRequest", "OwnRoute"]


class OwnRequest(NamedTuple):
    """A request of a management key.

    Attributes:
        values: as the route's form gives them.
        places: the parts of its path.
    """

    office: Office
    key: Key
    actor: Actor
    values: Mapping[str, Any]
    places: Mapping[str, str]

    def named_key(self) -> KeyRow:
        """The key that the path names. Raises ``NotFound``: it is none of the account's."""
        return own.own_key(self.office, self.key.account, self.places["hash"])

    def shown(self, row: KeyRow) -> dict[str, Any]:
        """A key as JSON."""
        return key_row(own.key_standing(self.office, row), self.office.key_prefix, self.office.currency)


class OwnAnswer(NamedTuple):
    """A value as JSON has it, and the status."""

    value: Any
    status: int = 200


class OwnRoute(NamedTuple):
    """One route.

    Attributes:
        name: of its operation in descriptions.
        about: what it does, a sentence.
        form: what its query or, of POST and PATCH, its body holds; None for nothing.
    """

    method: str
    path: str
    name: str
    about: str
    form: type[OfficeForm] | None
    serve: Callable[[OwnRequest], OwnAnswer]
    status: int = 200

    @property
    def reads_body(self) -> bool:
        """Whether its values are a body's."""
        return self.method in ("POST", "PATCH")
