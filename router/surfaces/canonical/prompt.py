"""A request in canonical form: what is asked, of which model, with which tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.surfaces.canonical.parts import Turn
from router.surfaces.canonical.tools import Tool, ToolChoice

__all__ = ["Prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request.

    Attributes:
        tools: in their order; of two with the same name in one namespace the later one counts.
        choice: which tools may or must be called; None where nothing is said.
        fields: all else, under a chat's names: ``max_completion_tokens``, ``temperature``, ``reasoning_effort``,
            ``response_format`` ...
    """

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: ToolChoice | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
