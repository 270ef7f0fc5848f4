"""The rules for surfaces: the scaffold keeps all of them, and each is broken by a surface that does so."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from router import hookimpl
from router.cli.support.scaffolding import render
from router.plugin_host.registry import registry_of
from router.surfaces import Translated
from router.testing.conformance import Run

CODE = render("parrot", "surface")["src/router_parrot/__init__.py"]


@pytest.fixture(scope="module")
def parrot() -> types.ModuleType:
    module = types.ModuleType("router_parrot")
    sys.modules["router_parrot"] = module
    exec(compile(CODE, "router_parrot.py", "exec"), vars(module))
    return module


def outcomes(surface: Any) -> dict[str, tuple[str, str]]:
    class Plugin:
        @hookimpl
        def surface(self, context: Any) -> Any:
            return surface

    with Run(registry_of(parrot=Plugin()).plugins["parrot"]) as run:
        return {result.rule: (result.outcome, result.seen) for result in run.report().results}


def test_what_the_scaffold_writes_keeps_every_rule(parrot: types.ModuleType) -> None:
    found = outcomes(parrot.ParrotSurface())
    assert {rule: outcome for rule, outcome in found.items() if outcome[0] != "pass"} == {}
    assert set(found) == {"W01", "W02", "W10", "W11", "W12", "W13", "W20", "W21", "W22", "W30", "W31"}


def translating(edit: Callable[[Any, Mapping[str, Any]], Translated | None]) -> Callable[[Any], Any]:
    """A surface whose ``translate`` is edited after the fact."""

    def make(module: Any) -> Any:
        class Bad(module.ParrotSurface):  # type: ignore[misc]
            def translate(self, body: Any, request: Any) -> Translated:
                made = super().translate(body, request)
                return edit(made, body) or made

        return Bad()

    return make


def facing(**methods: Any) -> Callable[[Any], Any]:
    """A surface whose face has other methods."""

    def make(module: Any) -> Any:
        face = type("BadFace", (module.ParrotFace,), methods)
        return translating(lambda made, body: made._replace(face=face()))(module)

    return make


def having(**members: Any) -> Callable[[Any], Any]:
    return lambda module: type("Bad", (module.ParrotSurface,), members)()


def drops_model(made: Any, body: Any) -> None:
    made.chat["model"] = "another/model"


def writes_to_the_body(made: Any, body: Any) -> None:
    body["say"] = "changed"


def asks_without_usage(made: Any, body: Any) -> None:
    made.chat.pop("stream_options", None)


def careless(self: Any, body: Any, request: Any) -> Translated:
    return Translated({"model": body["model"], "messages": [{"role": "user", "content": body["say"].strip()}]}, None)  # type: ignore[arg-type]


BAD: dict[str, Callable[[Any], Any]] = {
    "W01": having(paths=lambda self, dialect: ("/v1/chat/completions",)),
    "W02": having(schema=lambda self: None),
    "W10": translating(drops_model),
    "W11": translating(asks_without_usage),
    "W12": having(translate=careless),
    "W13": translating(writes_to_the_body),
    "W20": facing(body=lambda self, answer: {"said": "something else"}),
    "W21": facing(frames=lambda self, chunks: b"..."),
    "W22": facing(heartbeat=lambda self: b"~"),
    "W30": having(error_body=lambda self, dialect, error, request_id: {"failed": True}),
    "W31": facing(error_frame=lambda self, error: self.end_frame()),
}


@pytest.mark.parametrize("rule", BAD)
def test_a_surface_that_breaks_a_rule_is_told_so(parrot: types.ModuleType, rule: str) -> None:
    outcome, seen = outcomes(BAD[rule](parrot))[rule]
    assert outcome == "fail" and seen
