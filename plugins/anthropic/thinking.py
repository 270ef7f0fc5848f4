"""``reasoning_effort`` -> ``thinking`` and ``output_config.effort``, each model generation in its own way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from router import BadRequest

__all__ = ["effort_only", "thinking_of"]

_BUDGETED = re.compile(r"claude-(?:3-|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:-\d{8})?$)", re.ASCII)
"""Models up to 4.5, which take a budget of tokens where later ones decide for themselves."""
_BUDGETS: Mapping[str, int] = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384}
_DEAREST = 32_000
_LEAST = 1024
_EFFORTS: Mapping[str, str] = {"minimal": "low"}


def effort_only(reasoning: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a field ``reasoning`` says no more than an effort."""
    return isinstance(reasoning, dict) and reasoning.keys() == {"effort"}


def thinking_of(given: Mapping[str, Any], model: str, max_tokens: int) -> tuple[dict[str, Any] | None, str | None]:
    """What an effort asks for: ``thinking``, and ``output_config.effort``; None for what it does not.

    Args:
        given: the client's fields; ``reasoning.effort`` is taken where there is no ``reasoning_effort``.
        max_tokens: of the call, thinking included.

    Raises:
        BadRequest: the effort is no word, or the cap leaves no room for thinking.
    """
    reasoning = given.get("reasoning")
    effort = given.get("reasoning_effort", reasoning["effort"] if effort_only(reasoning) else None)
    if effort is None:
        return None, None
    if not isinstance(effort, str):
        message = '\'reasoning_effort\' must be a word such as "low" or "high".'
        raise BadRequest(message, code="invalid_type", param="reasoning_effort")
    if effort == "none":
        return {"type": "disabled"}, None
    if not _BUDGETED.match(model):
        return {"type": "adaptive"}, _EFFORTS.get(effort, effort)
    if "thinking" in given:
        return None, None
    if max_tokens <= _LEAST:
        message = (
            f"'reasoning_effort' needs a 'max_completion_tokens' above {_LEAST} at this model: thinking is part of it."
        )
        raise BadRequest(message, code="invalid_value", param="reasoning_effort")
    budget = min(_BUDGETS.get(effort, _DEAREST), max_tokens - 1)
    return {"type": "enabled", "budget_tokens": budget}, None
