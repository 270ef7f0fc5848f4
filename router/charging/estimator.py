"""What a call would come to: for the public price estimator, and for ``router models price --estimate``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from marshmallow import INCLUDE, Schema

from router.catalogue.catalogue import Catalogue
from router.charging.bounds import UNBOUNDED, Bound, bound_of, text_tokens
from router.charging.paid_extras import check_extras
from router.charging.quote import boundless, unpriced
from router.charging.terms import TargetPrice
from router.config.schema import BillingSettings
from router.errors import BadRequest, Unavailable
from router.money.prices import MILLION, dearest, is_complete, is_free, rates, request_of
from router.providers.resolve import ModelResolver
from router.surfaces.body import decode_json
from router.surfaces.chat.surface import CHAT
from router.surfaces.field_kinds import Integer, Typed
from router.surfaces.known_fields import MESSAGES_SHAPE, MODEL_SHAPE, check_fields, model_of, passed_on
from router.surfaces.measuring import Measure
from router.types.offers import TOKENS_MAX, Estimate
from router.types.records import ModelCard

__all__ = [
    "BODY_MAX",
    "COUNTS_SHAPE",
    "WITH_MESSAGES_SHAPE",
    "EstimateSchema",
    "Estimator",
    "Place",
]

BODY_MAX = 256 * 1024
"""Bytes of a request to the estimator: it is for everybody, so each must be cheap."""

_PROMPT = ("prompt_tokens", "input_tokens")
_COMPLETION = ("completion_tokens", "output_tokens")
_CAPS = ("max_completion_tokens", "max_tokens")


class EstimateSchema(Schema):
    """The estimator's request: counts of tokens, or the messages of a call with its caps."""

    class Meta:
        unknown = INCLUDE

    model = Typed("a string", str, inside=MODEL_SHAPE, required=True)
    prompt_tokens = Integer(0, TOKENS_MAX)
    input_tokens = Integer(0, TOKENS_MAX)
    completion_tokens = Integer(0, TOKENS_MAX)
    output_tokens = Integer(0, TOKENS_MAX)
    max_completion_tokens = Integer(1, TOKENS_MAX)
    max_tokens = Integer(1, TOKENS_MAX)
    messages = Typed("a list", list, inside=MESSAGES_SHAPE)


_FIELDS = dict(EstimateSchema().fields)


def _given_shape(name: str, kind: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": kind}}}


def _twice_shape(names: Sequence[str]) -> dict[str, Any]:
    return {"required": list(names), "properties": {name: {"type": "integer"} for name in names}}


COUNTS_SHAPE: dict[str, Any] = {
    "properties": {"messages": {"type": "null"}},
    "anyOf": [_given_shape(name, "integer") for name in (*_PROMPT, *_COMPLETION)],
    "not": {"anyOf": [_twice_shape(names) for names in (_PROMPT, _COMPLETION, _CAPS)]},
}
"""JSON Schema of a request with counts, beside what its fields say; each under one name."""

WITH_MESSAGES_SHAPE: dict[str, Any] = {
    "required": ["messages"],
    "properties": {"messages": {"type": "array"}, **{name: {"type": "null"} for name in (*_PROMPT, *_COMPLETION)}},
}
"""The same of a request with messages, which is otherwise a chat request."""


class Place(NamedTuple):
    """A model that a call may go to: its public ID, its provider's name, and its card."""

    id: str
    provider: str
    card: ModelCard


class Estimator:
    """Prices calls that nobody makes. A model whose provider is not set up yet has a price as well."""

    def __init__(self, catalogue: Catalogue, resolver: ModelResolver, billing: BillingSettings) -> None:
        self._catalogue = catalogue
        self._resolver = resolver
        self._own_cap = billing.max_output_tokens

    def answer(self, raw: bytes) -> Estimate:
        """The estimate that a request's body asks for.

        Raises:
            BadRequest: the body is malformed, or a count is none.
            ModelNotFound: the model is unknown, or has no price.
            Unavailable: the provider of a model that is on no list is not set up.
        """
        body = decode_json(raw)
        check_fields(body, _FIELDS)
        model = model_of(body)
        prompt, completion = _given(body, _PROMPT), _given(body, _COMPLETION)
        if body.get("messages") is None:
            if prompt is None and completion is None:
                message = "Give 'prompt_tokens' and 'completion_tokens', or 'messages' and 'max_tokens'."
                raise BadRequest(message, code="missing_required_parameter", param="messages")
            caps = _given(body, _CAPS) if completion is None else None
            return self.of_counts(model, self.places(model), prompt or 0, completion or caps or 0)
        if prompt is not None or completion is not None:
            message = "Give either counts of tokens or 'messages': for these the output is bounded by 'max_tokens'."
            raise BadRequest(message, code="invalid_value", param="messages")
        return self._of_messages(model, body)

    def places(self, model_id: str) -> Sequence[Place]:
        """Where a call to a model may go, best first.

        Raises:
            ModelNotFound: it is unknown, or disabled.
            Unavailable: it is on no list, and its provider is not set up.
        """
        try:
            targets = self._resolver.route(model_id).targets
        except Unavailable:
            entry = self._resolver.entry(model_id)
            return [Place(entry.id, entry.provider, entry.card)]
        return [Place(target.id, target.provider.name, target.card) for target in targets]

    def of_counts(
        self, model_id: str, places: Sequence[Place], prompt_tokens: int, completion_tokens: int, price_list: str = ""
    ) -> Estimate:
        """What so many tokens come to at the first place; the hold is that of the dearest.

        Args:
            price_list: an account's; empty for none.

        Raises:
            ModelNotPriced: the first has no price.
        """
        bound = Bound(prompt_tokens, completion_tokens)
        return self._estimate(model_id, places, "given", bound, price_list)

    def _of_messages(self, model_id: str, body: Mapping[str, Any]) -> Estimate:
        body = passed_on(body)
        found = CHAT.look(body)
        check_extras(body)
        places = self.places(model_id)
        kind = places[0].card.kind
        if kind not in ("", "chat"):
            message = f"The model '{places[0].id}' serves {kind}, not chat: give counts of tokens."
            raise BadRequest(message, code="unsupported_operation", param="model")
        return self._estimate(model_id, places, "bound", found, "")

    def _estimate(
        self, model_id: str, places: Sequence[Place], counted_by: str, asked: Bound | Measure, price_list: str
    ) -> Estimate:
        at, book = time.time(), self._catalogue.snapshot().prices
        sales: list[TargetPrice] = []
        for place in places:
            price = book.charge(place.id, place.provider, place.card, price_list)
            if price is not None and is_complete(price, place.card.kind or "embeddings"):
                bound = asked
                request = request_of(price)
                if isinstance(bound, Measure):
                    own_cap = None if is_free(price) else self._own_cap
                    bound = bound_of(bound, place.card, own_cap, request=request)
                elif request is not None:
                    bound = replace(bound, units=request)
                if bound.known or is_free(price):
                    sales.append(TargetPrice.of(price, None, bound, dearest(price, at, bound.prompt_tokens)))
                elif not sales:
                    raise boundless(place.id)
            elif not sales:
                raise unpriced(place.id, place.card, book)
        first = sales[0]
        prompt, completion = self._counts(first.bound, asked, places[0].card)
        by = rates(first.price, at, prompt)
        input_, output = prompt * by.input, completion * by.output
        units = 0 if by.units is None or first.bound.units is None else by.units.millionths(first.bound.units)
        return Estimate(
            model_id,
            book.currency,
            prompt,
            completion,
            counted_by,
            input_nano=-(-input_ // MILLION),
            output_nano=-(-output // MILLION),
            total_nano=-(-(input_ + output + units) // MILLION),
            hold_nano=max(sale.most_nano for sale in sales),
            units_nano=-(-units // MILLION),
        )

    def _counts(self, bound: Bound, asked: Bound | Measure, card: ModelCard) -> tuple[int, int]:
        """The tokens that are priced: prompt and each choice share the window; what has no bound is what is likely."""
        prompt, each = bound.prompt_tokens, bound.each_tokens + bound.predicted
        if isinstance(asked, Measure):
            prompt = prompt if prompt < UNBOUNDED else text_tokens(asked, card)
            each = each if each < UNBOUNDED else self._own_cap
        if bound.window is not None:
            each = min(each, max(0, bound.window - prompt))
        return prompt, bound.choices * each


def _given(body: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """The count that goes by several names.

    Raises:
        BadRequest: it is given twice, differently.
    """
    found = {name: body[name] for name in names if body.get(name) is not None}
    if len(set(found.values())) > 1:
        first, second = found
        raise BadRequest(f"'{second}' says otherwise than '{first}'.", code="invalid_value", param=second)
    return next(iter(found.values()), None)
