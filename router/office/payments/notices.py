"""Requests by which methods tell of payments: proved by the method, booked by the host, and answered once booked."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from router.errors import BadRequest, ConfigError, Unavailable
from router.office.office import Office
from router.office.payments.booked import FactOutcome
from router.office.payments.booking import book_facts
from router.office.payments.methods import PaymentMethods
from router.types.payments import PaymentNotice, VerifiedNotice
from router.types.routes import PluginRoute, RouteRequest, RouteResponse, RouteSchema

__all__ = ["EVENTS", "notice_routes", "take_notice"]

EVENTS = "/events"
"""Below ``/plugins/NAME``: where a method sends its notices."""

_BODY_MAX = 2**20
_log = logging.getLogger("router.payments")
_SCHEMA = RouteSchema(
    "Takes a notice of the payment method, and books what it tells once its origin is proved.",
    {"application/json": {"type": "object"}},
    {"application/json": {"type": "object", "required": ["received"], "properties": {"received": {"const": True}}}},
)


def notice_routes(office: Office, methods: PaymentMethods) -> Mapping[str, PluginRoute]:
    """Method -> the route of its notices, for each that has any."""

    def route(name: str) -> PluginRoute:
        def answer(request: RouteRequest) -> RouteResponse:
            take_notice(office, methods, name, PaymentNotice(request.headers, request.body, request.client))
            return RouteResponse.json({"received": True})

        return PluginRoute(EVENTS, ("POST",), "public", answer, _BODY_MAX, schema=_SCHEMA)

    return {name: route(name) for name in methods.names if methods.has(name, "payment_event")}


def take_notice(office: Office, methods: PaymentMethods, method: str, notice: PaymentNotice) -> list[FactOutcome]:
    """Prove a notice, and book what it tells.

    Raises:
        BadRequest: its origin is not proved, or it cannot be read; nothing was booked.
        StoreError: the database does not answer: it is to be sent again.
    """
    try:
        verified = methods.ask(method, "payment_event", notice=notice)
        if not isinstance(verified, VerifiedNotice) or not verified.id:
            raise Unavailable(f"{method} gave {verified!r:.80} for a notice")
        return book_facts(office, method, verified.facts, notice=verified)
    except BadRequest as error:
        _log.warning("payments: a notice for %s from %s was refused: %s", method, notice.client, error.in_full)
        raise
    except ConfigError as error:
        message = "This payment method is not set up here: send the notice again later."
        raise Unavailable(message, code="method_not_set_up", detail=error.in_full) from error
    except ValueError as error:
        _log.error("payments: a notice for %s could not be booked: %s", method, error)
        raise BadRequest("This notice cannot be booked.", code="notice_refused") from error
    except Unavailable as error:
        if error.code in ("method_failed", "unavailable"):
            raise BadRequest("This notice cannot be read.", code="notice_refused", detail=error.in_full) from error
        raise
