"""Notices that are nobody's, and secrets that show up nowhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from router.config.provider import Secret
from router.errors import BadRequest, ConfigError, RouterError, faults
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.payment.bench import ACCOUNT, PAYMENT, PaymentBench, garbage
from router.testing.conformance.payment.books import topup_like
from router.testing.conformance.payment.offline import offline
from router.types.payments import PaymentNotice
from router.types.plugin_context import PluginContext

__all__ = ["nonsense", "secrets"]

_CANARY = "canary-0f1e2d3c4b5a"
_LEAST = 8  # what is shorter stands in texts by chance


@PAYMENT.rule(
    "Y20",
    "Garbage in place of a notice is refused with BadRequest, whatever its body and its headers are.",
    remedy="Prove the signature first, as bytes; then read the body, and raise BadRequest for whatever goes wrong.",
)
def nonsense(bench: PaymentBench) -> None:
    event = bench.hook("payment_event")
    bench.offer()
    for notice in garbage(_true(bench)):
        told = f"a body of {len(notice.body)} bytes ({notice.body[:20]!r}) with {len(notice.headers)} headers"
        try:
            with offline():
                found = event(context=bench.context, notice=notice)
        except BadRequest:
            continue
        except faults() as error:
            raise Failed(f"{told} raised {type(error).__name__}: {str(error)[:200]}") from error
        raise Failed(f"{told} was taken: {found!r:.200}")


@PAYMENT.rule(
    "Y21",
    "No secret of its settings is in what it shows: its settings, its offer, and its errors.",
    remedy="Declare secrets as router.Secret, name where one comes from (secret.source), and never quote its text.",
)
def secrets(bench: PaymentBench) -> None:
    cases = list(_with_secrets(bench))
    if not cases:
        raise NotOffered("its settings hold no secret")
    for context, hidden in cases:
        for text in _shown(bench, context):
            for secret in hidden:
                expect(secret not in text, f"a secret is in {text.replace(secret, '(the secret)')[:300]!r}")


def _true(bench: PaymentBench) -> Sequence[PaymentNotice]:
    return list(bench.samples.paid(topup_like(bench.offer(), bench.plugin.name))) if bench.samples else []


def _with_secrets(bench: PaymentBench) -> Iterator[tuple[PluginContext, Sequence[str]]]:
    """As it is set up, and with secrets that are no use."""
    for context in bench.contexts:
        held = _secrets_of(context.settings)
        if held:
            yield context, held
    settings = bench.contexts[0].settings
    if not dataclasses.is_dataclass(settings) or isinstance(settings, type):
        return
    names = [one.name for one in dataclasses.fields(settings) if isinstance(getattr(settings, one.name), Secret)]
    if names:
        spoilt = {name: Secret(_CANARY, f"env:{name.upper()}") for name in names}
        try:
            changed = dataclasses.replace(settings, **spoilt)
        except ValueError as error:
            changed = None
            expect(_CANARY not in str(error), "its settings quote a secret that they refuse")
        if changed is not None:
            yield dataclasses.replace(bench.contexts[0], settings=changed), [_CANARY]


def _secrets_of(value: Any) -> list[str]:
    """The texts of all secrets in a record, or in what it holds."""
    if isinstance(value, Secret):
        return [value.reveal()] if len(value.reveal()) >= _LEAST else []
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [text for one in dataclasses.fields(value) for text in _secrets_of(getattr(value, one.name))]
    if isinstance(value, dict):
        return [text for one in value.values() for text in _secrets_of(one)]
    return [text for one in value for text in _secrets_of(one)] if isinstance(value, list | tuple) else []


def _shown(bench: PaymentBench, context: PluginContext) -> Iterator[str]:
    """What a log, a page or an answer may show of it."""
    yield repr(context.settings)
    yield repr(context)
    yield from _told(bench, "payment_offer", context, account=ACCOUNT)
    yield from _told(bench, "payment_address", context, account=ACCOUNT, number=1)
    for notice in (*garbage(), *_true_or_none(bench)):
        yield from _told(bench, "payment_event", context, notice=notice)


def _true_or_none(bench: PaymentBench) -> Sequence[PaymentNotice]:
    try:
        return _true(bench)
    except NotOffered:
        return ()


def _told(bench: PaymentBench, name: str, context: PluginContext, **arguments: Any) -> Iterator[str]:
    hook = bench.plugin.hooks.get(name)
    if hook is None:
        return
    try:
        with offline():
            found = hook(context=context, **arguments)
    except faults() as error:
        yield f"{type(error).__name__}: {error}"
        if isinstance(error, RouterError):
            yield error.in_full
        if isinstance(error, ConfigError):
            yield error.message
    else:
        yield repr(found)
