"""What lists of models show, and what an estimate says: the records that dialects render."""

from __future__ import annotations

from dataclasses import dataclass

from router.prices import Price
from router.types import ModelCard

__all__ = ["Estimate", "Listed", "Offer"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One model of a profile's own catalogue.

    It serves as soon as one of its routes does; the operator's rows and prices win over it.

    Attributes:
        id: as clients write it.
        routes: ``provider/model`` of what may serve it, best first; the first whose provider is active does.
        price: what calls are charged, in the profile's currency, unless an operator set another price.
        kind: ``chat`` or ``embeddings``.
        context_window: tokens of prompt and output together, as advertised.
        display_name, provider, category, hint, badge: for people who choose a model.
    """

    id: str
    routes: tuple[str, ...]
    price: Price | None = None
    kind: str = "chat"
    context_window: int | None = None
    display_name: str = ""
    provider: str = ""
    category: str = ""
    hint: str = ""
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """One model in a list.

    Attributes:
        id: as clients write it.
        card: what is known of it.
        price: what calls are charged, in the balance currency; None where it has no price.
        offer: its place in the profile's own catalogue; None for any other model.
        available: whether calls to it can be served: it is enabled, priced, and its provider is set up.
    """

    id: str
    card: ModelCard
    price: Price | None = None
    offer: Offer | None = None
    available: bool = True


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call would come to. Amounts are in nano-units of ``currency``.

    Attributes:
        model: the public ID.
        currency: the balance currency.
        prompt_tokens, completion_tokens: what was priced.
        counted_by: ``given`` (the caller named the counts) or ``bound`` (the most that the messages can come to).
        input_nano, output_nano: the two parts.
        total_nano: both together, rounded up once.
        hold_nano: what a prepaid call with these bounds holds of the balance until it is settled.
    """

    model: str
    currency: str
    prompt_tokens: int
    completion_tokens: int
    counted_by: str
    input_nano: int
    output_nano: int
    total_nano: int
    hold_nano: int
