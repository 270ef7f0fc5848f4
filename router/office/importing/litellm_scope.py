"""Which models a LiteLLM key may use, as the scope of a key here.

There, a call of a team's key is looked up in two lists: the team's and the key's own; of a key without a team, in its
user's and its own. Both must allow the model. An empty list, ``*`` and ``all-proxy-models`` allow each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["scope_of"]

_ALL = frozenset({"*", "all-proxy-models"})
_OF_TEAM = "all-team-models"
_NONE = "no-default-models"
_SHOWN = 5


def scope_of(key: Mapping[str, Any], owner: Mapping[str, Any] | None) -> tuple[tuple[str, ...], str]:
    """What both the key's list and its owner's allow.

    Args:
        key: its row.
        owner: the row of its team, or of its user where it has no team; None where there is none.

    Returns:
        model IDs and ``PROVIDER/*``, empty for all; and in words what was decided, where the two lists differ.

    Raises:
        ValueError: it may use no model, or what it may use cannot be said as a scope here.
    """
    team = bool(key.get("team_id"))
    whose = "team" if team else "user"
    theirs = list((owner or {}).get("models") or ())
    own = list(key.get("models") or ())
    if not all(isinstance(one, str) for one in (*own, *theirs)):
        raise ValueError("its list of models, or that of its owner, holds what is no name: mend it there")
    if not team and _NONE in theirs:
        raise ValueError("may use no model (its user has no-default-models), which a key here cannot say: disable it")
    if _OF_TEAM in own:
        if not team or owner is None:
            raise ValueError(
                "may use all models of its team (all-team-models), and has none: "
                "versions of LiteLLM differ in what that allows, name its models there"
            )
        own = []
    first, second = _listed(own), _listed(theirs)
    both = first if not second else second if not first else _both(first, second)
    scope = tuple(one for one in both if one not in (_OF_TEAM, _NONE))
    for one in scope:
        if "*" in one and not (one.endswith("/*") and "*" not in one[:-1]):
            raise ValueError(f"may use {one!r}: here a pattern can only be PROVIDER/*, name the models there")
    if not scope and (first or second):
        raise ValueError(_nothing(own, theirs, whose))
    return scope, _told(first, second, scope, whose, key, owner if team else None)


def _listed(models: Sequence[str]) -> tuple[str, ...]:
    """What a list restricts to; empty for all."""
    return () if _ALL.intersection(models) else tuple(dict.fromkeys(models))


def _both(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    allowed = [one for one in first if any(_covers(other, one) for other in second)]
    allowed += [other for other in second if any(_covers(one, other) for one in first)]
    for one in first:
        for other in second:
            if _overlap(one, other):
                raise ValueError(
                    f"may use what matches both {one!r} and {other!r}, which a scope here cannot say: "
                    "name the models there"
                )
    return tuple(dict.fromkeys(allowed))


def _covers(pattern: str, name: str) -> bool:
    """Whether all that ``name`` stands for, be it a pattern itself, matches ``pattern``."""
    return pattern == name or re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def _overlap(one: str, other: str) -> bool:
    """Whether two patterns may have names in common, and neither holds the other."""
    if "*" not in one or "*" not in other or _covers(one, other) or _covers(other, one):
        return False
    first, second = one.partition("*")[0], other.partition("*")[0]
    return first.startswith(second) or second.startswith(first)


def _nothing(own: Sequence[str], theirs: Sequence[str], whose: str) -> str:
    if own and theirs:
        return (
            f"may use no model: its list ({_some(own)}) and that of its {whose} ({_some(theirs)}) have none in common, "
            "which a key here cannot say: disable it instead"
        )
    return f"may use no model ({_some(own or theirs)}), which a key here cannot say: disable it instead"


def _told(
    first: Sequence[str],
    second: Sequence[str],
    scope: Sequence[str],
    whose: str,
    key: Mapping[str, Any],
    team: Mapping[str, Any] | None,
) -> str:
    said = []
    if first and second and set(first) != set(scope):
        left = [one for one in first if one not in scope]
        without = f", without {_some(left)} of its own" if left else ""
        said.append(f"may use {_some(scope)}: what its own list and that of its {whose} both allow{without}")
    elsewhere = [
        words
        for name, words in (("project", "a project"), ("organization", "an organization"))
        if key.get(f"{name}_id") or (team is not None and team.get(f"{name}_id"))
    ]
    if elsewhere:
        said.append(f"belongs to {' and '.join(elsewhere)} there, whose own list of models is not looked at")
    return "; ".join(said)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
