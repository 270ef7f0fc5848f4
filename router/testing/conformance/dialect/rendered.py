"""How a dialect renders errors, lists of models and estimates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from router.errors import RouterError, UpstreamError
from router.http import samples
from router.testing.conformance.base import expect
from router.testing.conformance.dialect.bench import DIALECT, DialectBench, as_json
from router.types.offers import Listed

__all__ = ["complete", "errors", "estimate", "lists", "secretive", "stable", "telling"]

_CANARY = "sk-canary-7f3a9d"
_HIDDEN = "hidden-reseller"


@DIALECT.rule(
    "D10",
    "Every error has a status from 400 to 599 and a body that is a JSON object.",
    remedy="Take any error of router.errors in error_status and error_body: begin with super()'s answer.",
)
def errors(bench: DialectBench) -> None:
    for error in bench.errors():
        name = f"{type(error).__name__} ({error.code})"
        status, body = bench.dialect.error_status(error), bench.dialect.error_body(error)
        expect(type(status) is int and 400 <= status <= 599, f"{name}: status {status!r}")
        expect(isinstance(body, Mapping) and body, f"{name}: the body is {body!r}")
        as_json(body, f"the body of {name}")


@DIALECT.rule(
    "D11",
    "The same error gives the same status and body each time, and is not changed by it.",
    remedy="Compute the answer from the error alone: no clock, no counter, no random ID.",
)
def stable(bench: DialectBench) -> None:
    for error in bench.errors():
        before = _state(error)
        first, again = (
            (bench.dialect.error_status(error), as_json(bench.dialect.error_body(error), "a body")) for _ in range(2)
        )
        expect(first == again, f"{type(error).__name__}: first {first}, then {again}")
        expect(_state(error) == before, f"rendering changed the {type(error).__name__}")


@DIALECT.rule(
    "D12",
    "An error tells its client what it is: a text, and for different causes different answers.",
    remedy="Put error.message, or a text of your own for its code, into the body.",
)
def telling(bench: DialectBench) -> None:
    answers = {}
    for error in bench.errors():
        answers[type(error).__name__, error.code] = (
            bench.dialect.error_status(error),
            as_json(bench.dialect.error_body(error), "a body"),
        )
        expect(
            any(len(text) > 3 for text in _texts(bench.dialect.error_body(error))), f"{error.code}: there is no text"
        )
    told = {answers[name] for name in answers if name[0] in ("Unauthorized", "RateLimited", "ModelNotFound")}
    expect(len(told) >= 3, "a wrong key, a reached limit and an unknown model get the same answer")


@DIALECT.rule(
    "D13",
    "An error shows nothing of what caused it within, nor its headers, nor a provider that the profile hides.",
    remedy="Render message, type, code, param and the public attributes alone; never repr(error), vars or __cause__.",
)
def secretive(bench: DialectBench) -> None:
    for error in bench.errors():
        error.__cause__ = OSError(_CANARY)
        error.__context__ = error.__cause__
        error.headers["x-internal"] = _CANARY
        if isinstance(error, UpstreamError):
            error.provider = _HIDDEN
        body = as_json(bench.dialect.error_body(error), "a body")
        name = f"{type(error).__name__} ({error.code})"
        expect(_CANARY not in body, f"{name}: the cause or a header is shown")
        expect(bench.dialect.shows_served or _HIDDEN not in body, f"{name}: the provider is named")


@DIALECT.rule(
    "D14",
    "Its lists render no model, one, and any: free, without price or window, of any currency, with odd IDs.",
    remedy="Take None for price, price.input, price.output, context_window and offer, and any text for an ID.",
)
def lists(bench: DialectBench) -> None:
    for name, render in (("models", bench.dialect.models), ("catalogue", bench.dialect.catalogue)):
        _expect_lists(name, render, bench.listed())
    for one in bench.listed():
        shown = bench.dialect.model(one)
        expect(isinstance(shown, Mapping), f"model() made {shown!r} of {one.id!r}")
        as_json(shown, f"model() of {one.id!r}")


@DIALECT.rule(
    "D15",
    "Its list of models names each model that it is given, and nothing of where it is served.",
    remedy="Show listed.id and listed.owned_by; never card.model, or a route of an offer.",
)
def complete(bench: DialectBench) -> None:
    listed = [one for one in bench.listed() if one.card.kind == "chat"]
    shown = set(_texts(bench.dialect.models(iter(listed))))
    missing = [one.id for one in listed if one.id not in shown]
    expect(not missing, f"models() leaves out {', '.join(missing)}")


@DIALECT.rule(
    "D16",
    "An estimate renders as a JSON object; amounts are decimal text or whole numbers.",
    remedy="Write amounts by router.money.format_nano: a float is not exact.",
)
def estimate(bench: DialectBench) -> None:
    shown = bench.dialect.estimate(samples.estimate("USD"))
    expect(isinstance(shown, Mapping) and shown, f"estimate() returned {shown!r}")
    inexact = [name for name, value in shown.items() if isinstance(value, float)]
    expect(not inexact, f"{', '.join(inexact)}: a float")
    as_json(shown, "the estimate")


def _expect_lists(name: str, render: Callable[[Iterable[Listed]], Any], listed: list[Listed]) -> None:
    as_json(render(iter([])), f"{name}() of nothing")
    for one in listed:
        as_json(render(iter([one])), f"{name}() of {one.id!r}")
    first, again = (as_json(render(iter(listed)), f"{name}()") for _ in range(2))
    expect(first == again, f"{name}() gives another answer each time")


def _state(error: RouterError) -> Any:
    return error.status, error.type, error.code, error.param, error.message, dict(error.headers)


def _texts(value: Any) -> list[str]:
    """Every text in a rendered value, at any depth."""
    found: list[str] = []
    waiting = [json.loads(json.dumps(value))]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict | list):
            waiting.extend(one.values() if isinstance(one, dict) else one)
    return found
