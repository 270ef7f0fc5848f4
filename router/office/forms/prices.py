"""What operators say of prices."""

from __future__ import annotations

from router.office.forms.fields import LineField, MomentField, WholeField
from router.office.forms.model_fields import PriceField
from router.office.forms.models import ModelForm
from router.types.offers import TOKENS_MAX

__all__ = ["EstimateForm", "PlannedPriceForm", "PriceOfForm", "SetPriceForm"]


class PriceOfForm(ModelForm):
    """Whose price."""

    price_list = LineField(about="Of the accounts of this list; of everybody if omitted.")


class SetPriceForm(PriceOfForm):
    """A price."""

    price = PriceField(
        about="Per million tokens, and per unit.", required=True, example={"input": "2.50", "output": "10"}
    )
    valid_from = MomentField(about="From when it holds; from now on if omitted.", example="2027-02-01T00:00:00Z")


class PlannedPriceForm(PriceOfForm):
    """A price that is planned."""

    valid_from = MomentField(about="From when it is to hold.", required=True, example="2027-02-01T00:00:00Z")


class EstimateForm(PriceOfForm):
    """A call."""

    prompt_tokens = WholeField(0, TOKENS_MAX, about="Tokens of input.")
    completion_tokens = WholeField(0, TOKENS_MAX, about="Tokens of output.")
