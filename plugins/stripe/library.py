"""Stripe's own library, loaded when it is first needed, and what becomes of its errors.

What Stripe says goes to the operator; who pays is told what they can do. The key is in neither.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from router_plugins.stripe.options import Options, fault_of

from router import BadRequest, PluginContext, RouterError, Unavailable

__all__ = ["Accounts", "Stripe", "load"]

_CONNECT_S, _READ_S = 4.0, 12.0
_RETRIES = 2
_PAGE = 100
_AMOUNT = ("amount_too_small", "amount_too_large", "invalid_charge_amount")
_BUSY = "Stripe does not answer now. Try again in a minute."
_DECLINES = {
    "authentication_required": "The bank wants its owner to confirm the payment: top up by hand once.",
    "expired_card": "The card has expired.",
    "insufficient_funds": "The card has insufficient funds.",
    "lost_card": "The card was declined by its bank.",
    "stolen_card": "The card was declined by its bank.",
}


def load() -> Any:
    """The library, which tells Stripe nothing about this machine.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    stripe: Any = importlib.import_module("stripe")
    stripe.enable_telemetry = False
    logging.getLogger("stripe").setLevel(logging.WARNING)  # below it, it writes what customers are called
    return stripe


class Stripe:
    """The account of one set-up. It sends by ``requests``, which waits as gevent has it wait."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.library = load()
        import requests

        session = requests.Session()
        session.auth = _as_it_is
        transport = self.library.RequestsClient(timeout=(_CONNECT_S, _READ_S), session=session)
        given = {"base_addresses": {"api": options.base_url.rstrip("/")}} if options.base_url else {}
        self.client = self.library.StripeClient(
            options.secret_key.reveal(), http_client=transport, max_network_retries=_RETRIES, **given
        )

    @property
    def v1(self) -> Any:
        """The services of the API."""
        return self.client.v1

    def ask(self, call: Callable[..., Any], *arguments: Any) -> Mapping[str, Any]:
        """What Stripe answers, as plain data.

        Raises:
            BadRequest: it refuses, for good.
            Unavailable: it does not answer, or not with this key.
        """
        try:
            answer: Mapping[str, Any] = call(*arguments).to_dict()
        except self.library.StripeError as error:
            raise self._told(error) from None
        return answer

    def each(self, listing: Callable[..., Any], params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The entries of a list, of all its pages, newest first. Raises as ``ask``."""
        after: dict[str, Any] = {}
        while True:
            page = self.ask(listing, {**params, "limit": _PAGE, **after})
            yield from page["data"]
            if not page.get("has_more") or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def _told(self, error: Any) -> RouterError:
        """An error of the library's as one of ours; ``resource_missing`` is the code of what is not there."""
        library, code = self.library, error.code
        detail = self._without_secrets(f"Stripe: {error.user_message or type(error).__name__}")
        if isinstance(error, library.CardError):
            decline = (error.json_body or {}).get("error", {}).get("decline_code")
            words = _DECLINES.get(decline) or _DECLINES.get(code) or "The card was declined."
            return BadRequest(words, code="declined", detail=f"{detail} ({decline or code})")
        if isinstance(error, library.AuthenticationError | library.PermissionError):
            source = self.options.secret_key.source.removeprefix("env:") or "[plugins.stripe] secret_key"
            return Unavailable(
                "Payments by card are not to be had now.", detail=f"Stripe refuses the key in {source}: {detail}"
            )
        if isinstance(error, library.IdempotencyError):
            return Unavailable(_BUSY, code="asked_otherwise", detail=detail)
        if isinstance(error, library.InvalidRequestError) and error.http_status != 409:
            words = error.user_message if code in _AMOUNT and error.user_message else "Stripe refused this payment."
            return BadRequest(words, code=code or "refused", param=error.param, detail=detail)
        return Unavailable(_BUSY, code="no_answer", detail=detail)

    def _without_secrets(self, text: str) -> str:
        for secret in (self.options.secret_key, self.options.webhook_secret):
            if secret:
                text = text.replace(secret.reveal(), "***")
        return text[:500]


def _as_it_is(request: Any) -> Any:
    """Without it, a ``.netrc`` of this machine's would take the key's place."""
    return request


class Accounts:
    """The account of the last set-up that was asked for: a process has one."""

    def __init__(self) -> None:
        self._made: Stripe | None = None

    def of(self, context: PluginContext) -> Stripe:
        """The account.

        Raises:
            ConfigError: it is not set up.
        """
        options: Options = context.settings
        if fault := fault_of(options):
            raise fault
        if self._made is None or self._made.options is not options:
            self._made = Stripe(options)
        return self._made
