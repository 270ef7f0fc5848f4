"""What a guard does to texts: as many as there are, however they are cut, and one call's never another's."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import RouterError, faults
from router.testing.conformance.base import Failed, NotOffered, expect
from router.testing.conformance.host.bench import HOST, HostBench
from router.types.guards import GUARD_MODES, Guard, GuardedCall

__all__ = ["calls", "filters", "looks", "offered"]

_ODD = (
    *("", "Hi", "\x00 \ud800 \u202e", "\xe9\u4e2d\U0001f600", "a" * 100_000, "[1] {} \\ \" '"),
    "ann@corp.example, +1 212 555 0100",
)
_REPLY = "It is [EMAIL_1] at last, said ann@corp.example [x_ [EMAIL_2]"


@HOST.rule(
    "H24",
    "Its hook guard gives a router.Guard of a known mode, or None; with the same settings the same each time.",
    remedy="Subclass router.Guard, and let replies be '', 'observe', 'buffer' or 'transform'.",
)
def offered(bench: HostBench) -> None:
    hook = bench.hook("guard")
    first, second = hook(context=bench.context), hook(context=bench.context)
    if first is None and second is None:
        raise NotOffered("with the settings' defaults it guards nothing")
    for given in (first, second):
        expect(isinstance(given, Guard), f"it gave {type(given).__name__}")
        expect(given.replies in GUARD_MODES, f"replies is {given.replies!r}")
    expect(first.replies == second.replies, "two questions gave two modes")


@HOST.rule(
    "H25",
    "Of a request or a whole reply it gives None, as many texts as it was shown, or a refusal, whatever they hold.",
    remedy="Return one text for each, in their order; raise router.GuardRefused(rule, message) to refuse.",
)
def looks(bench: HostBench) -> None:
    guard = _guard(bench)
    for look in (guard.request, guard.reply):
        for texts in ((), *((one,) for one in _ODD), _ODD):
            given = _tried(look, _call("1"), texts)
            sound = given is None or (not isinstance(given, str) and len(given) == len(texts))
            expect(sound, f"{look.__name__} gave {given!r:.80} for {len(texts)} texts")
            expect(all(isinstance(one, str) for one in given or ()), f"{look.__name__} gave something that is no text")


@HOST.rule(
    "H26",
    "What a filter passes on does not depend on how a text was cut into pieces.",
    remedy="Keep what may be the beginning of something in feed, and give it back in flush.",
)
def filters(bench: HostBench) -> None:
    guard = _guard(bench)
    call = _call("1")
    _tried(guard.request, call, _ODD)
    found = {size: _filtered(guard, call, size) for size in (1, 2, 3, 7, len(_REPLY))}
    for size, shown in found.items():
        expect(shown == found[len(_REPLY)], f"in pieces of {size} it passed on {shown!r}, whole {found[len(_REPLY)]!r}")


@HOST.rule(
    "H27",
    "What it knows of one call has no part in another: both may be under way at once.",
    remedy="Keep what belongs to a call in call.state, and nothing of it on the guard.",
)
def calls(bench: HostBench) -> None:
    alone, mixed, other = _call("1"), _call("1"), _call("2")
    guard = _guard(bench)
    _tried(guard.request, alone, ("Write to ann@corp.example",))
    expected = _filtered(guard, alone, 5)
    _tried(guard.request, mixed, ("Write to ann@corp.example",))
    _tried(guard.request, other, ("Write to bob@corp.example and joe@corp.example",))
    shown = _filtered(guard, mixed, 5)
    expect(shown == expected, f"beside another call it passed on {shown!r}, alone {expected!r}")


def _guard(bench: HostBench) -> Guard:
    guard: Guard | None = bench.hook("guard")(context=bench.context)
    if guard is None:
        raise NotOffered("with the settings' defaults it guards nothing")
    return guard


def _call(number: str) -> GuardedCall:
    return GuardedCall(f"req_{number}", "chat", f"acct_{number}", f"key_{number}", "acme/model")


def _tried(look: object, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
    assert callable(look)
    try:
        given: Sequence[str] | None = look(call, texts)
    except RouterError:
        return None
    except faults() as error:
        raise Failed(f"it raised {type(error).__name__}: {error}") from error
    return given


def _filtered(guard: Guard, call: GuardedCall, size: int) -> str:
    """What of the reply passes, in pieces of that size."""
    try:
        one = guard.filter(call)
        if one is None:
            return _REPLY
        pieces = [_REPLY[place : place + size] for place in range(0, len(_REPLY), size)]
        return "".join([*(one.feed(piece) for piece in pieces), one.flush()])
    except RouterError as refused:
        return f"refused: {refused.code}"
    except faults() as error:
        raise Failed(f"its filter raised {type(error).__name__}: {error}") from error
