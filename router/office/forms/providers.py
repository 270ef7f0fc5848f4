"""What operators say of providers."""

from __future__ import annotations

from router.office.forms.fields import LineField, WholeField
from router.office.forms.form import OfficeForm

__all__ = ["KeyPlaceForm", "ProbeForm", "RouteForm", "StoreKeyForm", "SwitchForm"]

_NAME = "The provider's name in the configuration."


class ProbeForm(OfficeForm):
    """Which provider, and which model."""

    name = LineField(about=_NAME, required=True, example="openai")
    model = LineField(256, about="The model to call; the cheapest on its list if omitted.")


class SwitchForm(OfficeForm):
    """Which provider, and why."""

    name = LineField(about=_NAME, required=True, example="openai")
    reason = LineField(500, about="Why; the list of providers and the audit log show it.")


class KeyPlaceForm(OfficeForm):
    """Whose key."""

    name = LineField(about=_NAME, required=True, example="openai")
    endpoint = WholeField(1, 1000, about="Only for its endpoint of this number, counted from 1.")


class StoreKeyForm(KeyPlaceForm):
    """A key."""

    key = LineField(4096, about="Its text; kept encrypted, and never shown.", required=True, example="sk-...")


class RouteForm(OfficeForm):
    """Which call."""

    model = LineField(256, about="The model as a client would name it.", required=True, example="openai/gpt-4o")
    key = LineField(about="A key's ID, or its name, whose scope is applied.")
