"""A call's body as one target is sent it: what its section and its plugin's rules say, before the plugin sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from router.charging.targets import TargetPlan
from router.errors import BadRequest
from router.surfaces.measuring import CAP_SPELLINGS, Measure
from router.types.request_rules import CAPS, RequestRules

__all__ = ["BOUND_NAMES", "bound_names", "check_limits", "outgoing"]

BOUND_NAMES = frozenset({"prompt_cache_key", "user", "safety_identifier", "session_id"})
"""Fields by which a client names its users and conversations."""


class _Outgoing:
    """A body for one target, copied once, at its first change.

    Attributes:
        body: as the plugin is to see it.
        dropped: what the client sent and the target does not see, for ``x-router-dropped-params``.
    """

    __slots__ = ("_own", "body", "dropped")

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.dropped: list[str] = []
        self._own = False

    def _copy(self) -> dict[str, Any]:
        if not self._own:
            self.body, self._own = dict(self.body), True
        return self.body  # type: ignore[return-value]  # it is our copy

    def without(self, names: tuple[str, ...]) -> None:
        """Take off what the operator has the target not see."""
        for name in names:
            if name in self.body:
                del self._copy()[name]
                self.dropped.append(name)

    def without_hosts(self, paths: tuple[str, ...]) -> None:
        """Take off what would choose among hosts that cost more."""
        for path in paths:
            if "." not in path:
                self.without((path,))
                continue
            name, _, inner = path.partition(".")
            held = self.body.get(name)
            if isinstance(held, dict) and inner in held:
                self._copy()[name] = {one: value for one, value in held.items() if one != inner}
                self.dropped.append(path)
                if not self.body[name]:
                    del self._copy()[name]

    def with_cap(self, names: tuple[str, ...], cap: int | None) -> None:
        """Set the one cap under the target's names and no other. Without a cap, null and negative numbers stay."""
        body = self.body
        if cap is None:
            return
        options = body.get("options")
        hidden = type(options) is dict and not CAP_SPELLINGS.isdisjoint(options)
        given = [name for name in body if name in CAP_SPELLINGS]
        if not hidden and len(given) == len(names) and all(body.get(name) == cap for name in names):
            return
        own = self._copy()
        for name in given:
            del own[name]
        own.update(dict.fromkeys(names, cap))
        if hidden:
            own["options"] = {name: value for name, value in own["options"].items() if name not in CAP_SPELLINGS}

    def without_stop(self) -> None:
        """Take off a list of no stops: it stops at nothing, and some providers refuse to be told so."""
        self._copy().pop("stop", None)

    def with_extra_body(self, members: tuple[str, ...]) -> None:
        """Keep of ``extra_body`` only what the provider's wire has."""
        held = self.body.get("extra_body")
        kept = {name: held[name] for name in members if name in held} if isinstance(held, dict) else {}
        if kept:
            self._copy()["extra_body"] = kept
        else:
            self.without(("extra_body",))

    def without_members(self, foreign: frozenset[str]) -> None:
        """Take off what another provider's answers have in messages and in tool calls."""
        messages = self.body.get("messages", ())
        if any(_has(message, foreign) for message in messages):
            self._copy()["messages"] = [_without(message, foreign) for message in messages]


def outgoing(
    body: Mapping[str, Any], found: Measure, target: TargetPlan, cap: int | None, *, paid: bool, elsewhere: bool
) -> tuple[Mapping[str, Any], Sequence[str]]:
    """The body for one target, and what the client sent of it and the target does not see.

    Args:
        found: what the body holds.
        cap: the one output cap; None for none.
        paid: whether calls are charged for, so that nothing may change who is paid.
        elsewhere: whether another kind of provider has failed the call before.
    """
    foreign = target.foreign_elsewhere if elsewhere else target.foreign
    if target.touched.isdisjoint(body) and body.get("stop") != [] and (found.plain or not foreign):
        return body if cap is None else _capped(body, found, target.obeyed.names, cap), ()
    rules = target.rules
    made = _Outgoing(body)
    if target.obeyed.dropped:
        made.without(target.obeyed.dropped)
    made.with_cap(target.obeyed.names, cap)
    if paid and rules.taken_off:
        made.without_hosts(rules.taken_off)
    if "extra_body" in body:
        made.with_extra_body(rules.extra_body)
    if body.get("stop") == []:
        made.without_stop()
    if foreign:
        made.without_members(foreign)
    return made.body, made.dropped


def _capped(body: Mapping[str, Any], found: Measure, names: tuple[str, ...], cap: int) -> Mapping[str, Any]:
    """Change nothing but the cap: the plain case."""
    wanted = dict.fromkeys(names, cap)
    if found.caps == wanted and len(CAP_SPELLINGS.intersection(body)) == len(wanted):
        return body
    if CAP_SPELLINGS.isdisjoint(body):
        return {**body, **wanted}
    return {name: value for name, value in body.items() if name not in CAP_SPELLINGS} | wanted


def check_limits(body: Mapping[str, Any], rules: RequestRules) -> None:
    """See that a provider takes the caps and the stops of a body.

    Raises:
        BadRequest: naming the field.
    """
    for name in CAPS:
        cap = body.get(name)
        if cap is not None and cap < rules.cap_min and not (rules.endless and cap < 0):
            message = f"'{name}' must be a whole number of at least {rules.cap_min}, not {cap}."
            raise BadRequest(message, code="invalid_value", param=name)
    stop = body.get("stop")
    if rules.stops_max is not None and type(stop) is list and len(stop) > rules.stops_max:
        message = f"'stop' must be a string or a list of at most {rules.stops_max} strings for this model."
        raise BadRequest(message, code="invalid_value", param="stop")


def _has(message: Mapping[str, Any], foreign: frozenset[str]) -> bool:
    if not foreign.isdisjoint(message):
        return True
    calls = message.get("tool_calls")
    return type(calls) is list and any(type(call) is dict and not foreign.isdisjoint(call) for call in calls)


def _without(message: Mapping[str, Any], foreign: frozenset[str]) -> Mapping[str, Any]:
    if not _has(message, foreign):
        return message
    kept = {name: value for name, value in message.items() if name not in foreign}
    if type(calls := kept.get("tool_calls")) is list:
        kept["tool_calls"] = [
            {name: value for name, value in call.items() if name not in foreign} if type(call) is dict else call
            for call in calls
        ]
    return kept


def bound_names(body: Mapping[str, Any], account: str) -> dict[str, str]:
    """Hash the names that a client gives its users and conversations together with its account, so that no two match.

    A provider knows them by name alone: one customer could otherwise meet another's cache, or have another's user
    blocked.
    """
    given = {name: body[name] for name in BOUND_NAMES if isinstance(body.get(name), str) and body[name]}
    return {name: _bound(value, account) for name, value in given.items()}


def _bound(text: str, account: str) -> str:
    data = f"{account}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()
