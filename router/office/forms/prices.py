"""What operators say of prices."""

from __future__ import annotations

from router.office.forms.fields import LineField, WholeField
from router.office.forms.model_fields import PriceField
from router.office.forms.models import ModelForm
from router.types.offers import TOKENS_MAX

__all__ = ["EstimateForm", "PriceOfForm", "SetPriceForm"]


class PriceOfForm(ModelForm):
    """Whose price."""

    price_list = LineField(about="Of the accounts of this list; of everybody if omitted.")


class SetPriceForm(PriceOfForm):
    """A price."""

    price = PriceField(
        about="Per million tokens, and per unit.", required=True, example={"input": "2.50", "output": "10"}
    )


class EstimateForm(PriceOfForm):
    """A call."""

    prompt_tokens = WholeField(0, TOKENS_MAX, about="Tokens of input.")
    completion_tokens = WholeField(0, TOKENS_MAX, about="Tokens of output.")
