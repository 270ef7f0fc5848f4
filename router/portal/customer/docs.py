"""The API's documentation as this gateway is: its address, a model that it sells, the errors of its profile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.errors import (
    BadRequest,
    BudgetExceeded,
    Conflict,
    Forbidden,
    InsufficientQuota,
    ModelNotFound,
    RateLimited,
    RouterError,
    StoreError,
    TooLarge,
    Unauthorized,
    UpstreamError,
)
from router.portal.web.examples import curl_get, key_shown, stream_examples
from router.portal.web.pages import PageRoutes
from router.portal.web.replies import PageReply
from router.portal.web.requests import PageRequest
from router.portal.web.site import PortalParts
from router.types.dialect import Dialect

__all__ = ["PAGES", "RefusalRow", "error_rows"]

PAGES = PageRoutes()


def _(message: str) -> str:
    """Mark a text for translation; the template writes it in the reader's language."""
    return message


_BAD = _("The request cannot be served as it is; the message says which field is wrong.")
_MONEY = _("The balance does not cover what the call could cost. Top up, or lower max_tokens.")
_BUDGET = _("The budget of the key does not cover what the call could cost.")
_LIMIT = _("A limit is reached; Retry-After says how many seconds to wait.")
_FAILED = _("The provider of the model failed. Try again, or use another model.")
_CASES: Sequence[tuple[RouterError, str]] = (
    (BadRequest("'temperature' must be a number from 0 to 2, not 3.", code="invalid_value", param="temperature"), _BAD),
    (Unauthorized("Incorrect API key provided."), _("There is no key, or one that is wrong.")),
    (
        Unauthorized("This API key is revoked.", reason="revoked", code="api_key_revoked"),
        _("The key is disabled, revoked or expired: the code says which."),
    ),
    (InsufficientQuota("The balance does not cover this call.", needed_nano=1, currency="USD"), _MONEY),
    (BudgetExceeded("The budget of this API key does not cover this call.", needed_nano=1, currency="USD"), _BUDGET),
    (Forbidden("This API key may not use the model.", code="model_not_allowed"), _("The key may not use this model.")),
    (ModelNotFound("The model does not exist.", param="model"), _("There is no such model.")),
    (
        Conflict("The first call with this Idempotency-Key is still under way.", code="idempotency_in_progress"),
        _("Another call with the same Idempotency-Key is under way, or had another body."),
    ),
    (TooLarge("The request body is larger than this gateway takes."), _("The body is too large.")),
    (RateLimited("A limit of this API key is reached.", retry_after_s=2), _LIMIT),
    (UpstreamError("server", "The provider failed."), _FAILED),
    (UpstreamError("timeout", "The provider did not answer in time."), _FAILED),
    (UpstreamError("overloaded", "The provider is overloaded."), _FAILED),
    (UpstreamError("context_length", "The prompt is too long."), _("The prompt is longer than the model's context.")),
    (UpstreamError("content", "The provider refused this content."), _("The provider refused the content.")),
    (StoreError("The database does not answer.").for_clients(), _("The gateway itself cannot serve just now.")),
)
_AGAIN = (409, 429, 500, 502, 503, 504)
"""Statuses after which the same request may succeed."""


@dataclass
class RefusalRow:
    """One kind of refusal as clients see it.

    Attributes:
        status, code, type: as the profile has them; an empty text where it has none.
        meanings: what it can mean, in English.
        again: whether the same request may succeed later.
    """

    status: int
    code: str
    type: str
    meanings: list[str] = field(default_factory=list)
    again: bool = False


def error_rows(dialect: Dialect) -> list[RefusalRow]:
    """What calls may be refused for, by status: made by the profile itself, each shape once."""
    rows: dict[tuple[int, str, str], RefusalRow] = {}
    for error, meaning in _CASES:
        status, told = dialect.error_status(error), _told(dialect, error)
        code, kind = _text(told.get("code")), _text(told.get("type"))
        again = status in _AGAIN and error.headers.get("x-should-retry") != "false"
        row = rows.setdefault((status, code, kind), RefusalRow(status, code, kind, again=again))
        if meaning not in row.meanings:
            row.meanings.append(meaning)
    return sorted(rows.values(), key=lambda row: row.status)


@PAGES.get("/app/docs", "public")
def docs_page(request: PageRequest) -> PageReply:
    """Everything on one page, with links to its parts."""
    site = request.site
    dialect, model = site.assembly.dialect, site.example_model
    sample, _meaning = _CASES[0]
    return request.render(
        "customer/docs.html",
        member=request.is_member,
        model=model,
        key=key_shown(site.brand),
        first=site.examples(),
        streams=stream_examples(site.brand, model) if site.office.settings.gateway.streaming else (),
        addresses=_addresses(site),
        errors=error_rows(dialect),
        sample=json.dumps(dialect.error_body(sample), indent=2, ensure_ascii=False, default=str),
        balance=_balance(site),
    )


def _addresses(site: PortalParts) -> list[tuple[str, str]]:
    """(name of a surface, path) of what may be called, and of the lists of models."""
    dialect = site.assembly.dialect
    found = [(one.name, path) for one in site.assembly.surfaces for path in one.paths(dialect)[:1]]
    return [*found, *(("models", path) for path in dialect.models_paths[:1])]


def _balance(site: PortalParts) -> list[tuple[str, str]]:
    """(what it shows, curl) of what a key may ask."""
    dialect = site.assembly.dialect
    paths = [("credits", dialect.credits_paths), ("key", dialect.key_paths)]
    found = [(what, curl_get(site.brand, given[0])) for what, given in paths if given]
    if dialect.credits_paths:
        found.append(("deepseek", curl_get(site.brand, "/user/balance")))
    if dialect.generation_paths:
        found.append(("call", curl_get(site.brand, f"{dialect.generation_paths[0]}?id=req_...")))
    return found


def _told(dialect: Dialect, error: RouterError) -> Mapping[str, Any]:
    body = dialect.error_body(error).get("error")
    return body if isinstance(body, Mapping) else {}


def _text(value: object) -> str:
    return "" if value is None else str(value)
