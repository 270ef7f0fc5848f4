"""What a surface makes of bodies."""

from __future__ import annotations

import copy
from typing import Any

from router.errors import BadRequest, RouterError, faults
from router.surfaces.chat.surface import CHAT
from router.testing.conformance.base import Failed, expect
from router.testing.conformance.surface.bench import MODEL, SURFACE, SurfaceBench

__all__ = ["asks_for_usage", "odd_bodies", "unchanged", "whole"]

_ODD: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", "x", [], [None], [[]], {}, {"type": None}, [{"type": "x"}], "\x00")
_REFUSE = "Raise router.BadRequest with param where a field is not what it must be; check types before you use a value."


@SURFACE.rule(
    "W10",
    "A good body becomes a chat call that chat takes, for the model that it named.",
    remedy="Give a whole chat body: model, and messages with roles and contents that POST /v1/chat/completions takes.",
)
def whole(bench: SurfaceBench) -> None:
    for one in bench.translating():
        chat = bench.translated(one, bench.example(one)).chat
        expect(chat.get("model") == MODEL, f"{one.name}: the model became {chat.get('model')!r}")
        try:
            CHAT.look(chat)
        except RouterError as refused:
            raise Failed(f"{one.name}: chat refuses what its example became: {refused.message}") from None


@SURFACE.rule(
    "W11",
    "A stream is asked for as a chat's stream, with its usage.",
    remedy='Set stream and stream_options = {"include_usage": true} where the client asks for a stream.',
)
def asks_for_usage(bench: SurfaceBench) -> None:
    for one in bench.translating():
        chat = bench.translated(one, bench.example(one, stream=True)).chat
        if chat.get("stream") is not True:
            continue  # it has another way to ask for one
        options = chat.get("stream_options")
        expect(isinstance(options, dict) and options.get("include_usage") is True, f"{one.name}: {options!r}")


@SURFACE.rule("W12", "An odd value of a field is a bad request, or is taken; it breaks nothing.", remedy=_REFUSE)
def odd_bodies(bench: SurfaceBench) -> None:
    for one in bench.translating():
        for name in bench.example(one):
            for value in _ODD:
                body = bench.example(one) | {name: value} if name != "model" else bench.example(one)
                try:
                    CHAT.look(bench.translated(one, body).chat)
                except BadRequest:
                    continue
                except RouterError as error:
                    raise Failed(f"{one.name}: {name} = {value!r} gave {error.status}, not 400") from None
                except faults() as error:
                    raise Failed(f"{one.name}: {name} = {value!r} raised {type(error).__name__}: {error}") from None


@SURFACE.rule(
    "W13",
    "A client's body is not changed: it may go on to a provider that speaks the surface itself.",
    remedy="Copy what you edit.",
)
def unchanged(bench: SurfaceBench) -> None:
    for one in bench.translating():
        body = bench.example(one)
        before = copy.deepcopy(body)
        bench.translated(one, body)
        expect(body == before, f"{one.name}: {before!r} became {body!r}")
