"""A call's body as one target is sent it: what its section and its plugin's rules say, before the plugin sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.errors import BadRequest
from router.gateway.bounds import CAP_SPELLINGS
from router.gateway.resolve import Target
from router.rules import ADDED_MEMBERS, CAPS, RequestRules

__all__ = ["Outgoing", "check_limits", "outgoing"]

_NONE: frozenset[str] = frozenset()


class Outgoing:
    """A body on its way: copied where it is changed, once.

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
        """The one cap under its names, and under no other. Without one, null and negative numbers stay as they are."""
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

    def with_extra_body(self, members: tuple[str, ...]) -> None:
        """Of ``extra_body`` only what the provider's wire has."""
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


def outgoing(body: Mapping[str, Any], target: Target, cap: int | None, *, paid: bool, elsewhere: bool) -> Outgoing:
    """The body for one target.

    Args:
        cap: the one output cap; None for none.
        paid: whether calls are charged for, so that nothing may change who is paid.
        elsewhere: whether another kind of provider has failed the call before.
    """
    provider, rules = target.provider, target.provider.rules
    found = Outgoing(body)
    if dropped := provider.dropped(target.model):
        found.without(dropped)
    found.with_cap(provider.caps(target.model), cap)
    if paid and rules.taken_off:
        found.without_hosts(rules.taken_off)
    if "extra_body" in body:
        found.with_extra_body(rules.extra_body)
    if body.get("stop") == []:
        found._copy().pop("stop", None)  # it stops at nothing, and some providers refuse to be told so
    if foreign := _foreign(rules, elsewhere):
        found.without_members(foreign)
    return found


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


def _foreign(rules: RequestRules, elsewhere: bool) -> frozenset[str]:
    if rules.own_members is None:
        return ADDED_MEMBERS if elsewhere else _NONE
    return ADDED_MEMBERS - rules.own_members


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
