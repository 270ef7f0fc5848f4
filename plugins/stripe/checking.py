"""``router payments check stripe``: what Stripe says of the key, the account, the currency and the webhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from router_plugins.stripe.library import Stripe
from router_plugins.stripe.notices import KINDS
from router_plugins.stripe.options import Options, is_live

from router import BadRequest, ConfigError, HealthLine, RouterError

__all__ = ["looked_at"]

PATH = "/plugins/stripe/events"


def looked_at(options: Options, fault: ConfigError | None, account: Any) -> Iterator[HealthLine]:
    """One line for each thing.

    Args:
        fault: what lacks before Stripe can be asked at all.
        account: gives what Stripe is asked by.
    """
    if fault is not None:
        yield HealthLine("set-up", False, fault.message)
        return
    stripe: Stripe = account()
    yield HealthLine("library", True, f"stripe {stripe.library.VERSION}")
    mode = "live: real money" if is_live(options) else "test: no real money is moved"
    yield HealthLine("key", True, mode)
    found: dict[str, Any] = {}
    yield _account(stripe, found)
    if found:
        yield _currency(stripe, found)
    yield from _webhook(stripe)


def _account(stripe: Stripe, found: dict[str, Any]) -> HealthLine:
    try:
        found.update(stripe.ask(stripe.v1.accounts.retrieve_current))
    except RouterError as error:
        return HealthLine("account", False, error.in_full)
    name = f"{found.get('id')}, {found.get('country')}"
    if not found.get("charges_enabled", True):
        return HealthLine(
            "account", False, f"{name}: it may not charge yet; finish its activation in Stripe's dashboard"
        )
    return HealthLine("account", True, name)


def _currency(stripe: Stripe, account: Mapping[str, Any]) -> HealthLine:
    code = stripe.options.charged.code
    try:
        known = stripe.ask(stripe.v1.country_specs.retrieve, str(account.get("country")))
    except RouterError as error:
        return HealthLine("currency", False, f"{code}: {error.in_full}")
    if code.lower() not in known.get("supported_payment_currencies", ()):
        remedy = "set another in [plugins.stripe] currency"
        return HealthLine("currency", False, f"accounts in {account.get('country')} cannot charge in {code}: {remedy}")
    return HealthLine("currency", True, code)


def _webhook(stripe: Stripe) -> Iterator[HealthLine]:
    secret = stripe.options.webhook_secret
    if not secret:
        place = secret.source.removeprefix("env:") or "[plugins.stripe] webhook_secret"
        yield HealthLine("webhook", True, f"none: {place} is not set, so Stripe is asked from time to time")
        return
    yield HealthLine("webhook secret", True, "whsec_...")
    try:
        endpoints = list(stripe.each(stripe.v1.webhook_endpoints.list, {}))
    except BadRequest as error:
        yield HealthLine("webhook", False, error.in_full)
        return
    except RouterError as error:
        yield HealthLine("webhook", False, f"which endpoints there are cannot be asked: {error.in_full}")
        return
    ours = [one for one in endpoints if urlsplit(str(one.get("url"))).path.rstrip("/").endswith(PATH)]
    if not ours:
        yield HealthLine("webhook", False, f"Stripe has no endpoint whose URL ends with {PATH}: add one")
    for one in ours:
        yield _endpoint(one)


def _endpoint(endpoint: Mapping[str, Any]) -> HealthLine:
    url = str(endpoint.get("url"))
    if endpoint.get("status") != "enabled":
        return HealthLine("webhook", False, f"{url}: it is {endpoint.get('status')}; enable it in Stripe's dashboard")
    if urlsplit(url).scheme != "https":
        return HealthLine("webhook", False, f"{url}: Stripe sends events by https alone")
    enabled: Sequence[str] = endpoint.get("enabled_events") or ()
    lacking = [] if "*" in enabled else sorted(set(KINDS) - set(enabled))
    if lacking:
        return HealthLine("webhook", False, f"{url}: add the events {', '.join(lacking)}")
    return HealthLine("webhook", True, url)
