"""What a provider's requests may hold, as data: the host keeps to it before the plugin sees a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ADDED_MEMBERS", "CAP", "CAPS", "RequestRules"]

CAP = "max_completion_tokens"
"""The name under which a plugin that translates the whole request is given the output cap."""

CAPS = (CAP, "max_tokens")
"""Both names that OpenAI's wire has for the output cap."""

ADDED_MEMBERS = frozenset(
    {"content_blocks", "extra_content", "reasoning", "reasoning_content", "reasoning_details", "thinking_blocks"}
)
"""Members beside OpenAI's that answers of the bundled plugins have in a message, or in one of its tool calls."""


@dataclass(frozen=True, slots=True)
class RequestRules:
    """The rules of one provider. Paths lead through objects with dots: ``provider.order``.

    Attributes:
        caps: names under which the provider obeys an output cap. The gateway writes its one number under each of them,
            and takes every other spelling off; the section's ``cap_params`` goes before them.
        cap_min: the smallest cap that the provider takes.
        endless: whether a negative cap means that there is none.
        stops_max: the most stop sequences that it takes; None where it has no such limit.
        unpriced: path -> the values that cost nothing beside tokens, None and False always among them. Any other is
            refused where calls are paid for.
        taken_off: paths that choose who serves, and so what we are charged: taken off where calls are paid for, and
            named in ``x-router-dropped-params``.
        tools: members by which a tool is one that the client runs, beside a ``function`` or ``custom`` with its own
            member.
        tool_prefix: functions whose names begin so are the provider's own, and paid; empty where there are none.
        own_members: those of ``ADDED_MEMBERS`` that the provider knows: the others are taken off. None for all, except
            in a call that another kind of provider has failed.
        extra_body: members of a field ``extra_body`` that the provider's wire has; all else of it is taken off.
    """

    caps: tuple[str, ...] = CAPS
    cap_min: int = 1
    endless: bool = False
    stops_max: int | None = None
    unpriced: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    taken_off: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    tool_prefix: str = ""
    own_members: frozenset[str] | None = None
    extra_body: tuple[str, ...] = ()
