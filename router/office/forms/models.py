"""What operators say of models."""

from __future__ import annotations

from router.money.modalities import MODALITIES
from router.office.forms.fields import ChoiceField, LineField, LinesField, YesNoField
from router.office.forms.form import OfficeForm
from router.office.forms.model_fields import FactsField

__all__ = ["AddModelForm", "AliasForm", "AliasNameForm", "FallbacksForm", "ModelForm", "ModelsForm"]

_ID = "A model's ID, an alias, or `provider/model`."
_LONGEST = 256


class ModelForm(OfficeForm):
    """One model."""

    model = LineField(_LONGEST, about=_ID, required=True, example="openai/gpt-4o")


class ModelsForm(OfficeForm):
    """Whose models."""

    provider = LineField(about="Only this provider's.")


class AddModelForm(OfficeForm):
    """A model."""

    id = LineField(_LONGEST, about="What clients ask for.", required=True, example="house-model")
    provider = LineField(about="The configured provider that serves it.", required=True, example="openai")
    model = LineField(_LONGEST, about="Its name at that provider.", required=True, example="gpt-4o")
    kind = ChoiceField(*MODALITIES, about="What it is for; `chat` if omitted.")
    facts = FactsField(about="What it can do and what it costs us, before what the provider's list says.")
    replace = YesNoField(about="Whether an ID that is there already gets this new meaning.")


class AliasNameForm(OfficeForm):
    """An alias."""

    name = LineField(_LONGEST, about="The alias.", required=True, example="fast")


class AliasForm(AliasNameForm):
    """What it means."""

    target = LineField(_LONGEST, about=_ID, required=True, example="openai/gpt-4o-mini")


class FallbacksForm(ModelForm):
    """What is tried when it fails."""

    targets = LinesField(_LONGEST, least=1, about="Best first.", required=True, example=["openai/gpt-4o-mini"])
