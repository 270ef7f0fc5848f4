"""The playground: a talk with a model, through the gateway as any client's, with a hidden key of the person's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router.errors import BadRequest, NotFound
from router.office.customers.playground import playground_budget, playground_key
from router.office.usage import find_own_call
from router.portal.customer.models import listed_models
from router.portal.customer.own import nothing_here
from router.portal.web.examples import key_shown
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply, json_reply
from router.portal.web.requests import PageRequest

__all__ = ["PAGES"]

PAGES = PageRoutes()

_LEFT = 499
_FIELDS = ("model", "messages", "stream", "temperature", "max_tokens")


@PAGES.get("/app/play", "developer")
def play_page(request: PageRequest) -> PageReply:
    """The page, whose script does the rest."""
    models = [one.id for one in listed_models(request) if one.card.kind in ("", "chat")]
    wished = request.query.get("model", "")
    budget = playground_budget(request.office)
    return request.render(
        "customer/play.html",
        models=models,
        model=wished if wished in models else request.site.example_model,
        budget=budget,
        off=budget is not None and not budget.amount_nano,
        streaming=request.office.settings.gateway.streaming,
        key=key_shown(request.site.brand),
    )


@PAGES.post("/app/play/chat", "developer", json=True)
def chat(request: PageRequest) -> PageReply:
    """One call; what the gateway answers is passed on as it comes."""
    body = _asked(request)
    assert request.session is not None
    key = playground_key(request.office, request.actor, request.session, request.session_text)
    sent = json.dumps(body).encode("ascii")
    answer = request.site.gateway.post("/chat/completions", key, sent, request.client)
    if answer is None:
        return PageReply("", _LEFT)
    headers = [("Content-Type", answer.kind), ("x-call-id", answer.request_id), ("X-Accel-Buffering", "no")]
    return PageReply(answer, answer.status, headers)


@PAGES.get("/app/play/calls/<request_id>", "developer", json=True)
def call_price(request: PageRequest) -> PageReply:
    """What a call came to, once it is booked."""
    try:
        one = find_own_call(request.office, request.account_id, request.params["request_id"]).record
    except NotFound:
        raise nothing_here(request) from None
    return json_reply(
        {
            "price": request.language.price(one.charge_nano, request.site.brand.currency),
            "prompt_tokens": request.language.number(one.prompt_tokens),
            "completion_tokens": request.language.number(one.completion_tokens),
        }
    )


def _asked(request: PageRequest) -> Mapping[str, Any]:
    """What the page sends, without what it has no business with; the gateway checks the rest.

    Raises:
        BadRequest: it is no JSON object.
    """
    try:
        found = json.loads(request.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadRequest(request.text("This address takes a JSON object."), code="invalid_json")
    return {name: found[name] for name in _FIELDS if name in found}
