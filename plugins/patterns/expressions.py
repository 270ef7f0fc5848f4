r"""Operators' expressions, bounded before they meet what clients send.

Python's engine tries every way to match, so that an expression such as ``(a+)+b`` takes longer than anybody waits. What is
taken here is bounded at every place of a text, whatever it holds:

- a repeat repeats one class of characters, or something of a fixed shape, and at most 512 times: ``*`` and ``+`` mean that;
- the number of ways to try at a place is at most 64. A repeat counts with its range (``\d{1,5}`` five ways), unless what
  must follow it cannot be of its class (``\d+-``), or nothing follows: then there is but one way;
- references to groups, conditions and repeats inside of lookarounds are not taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["Doubtful", "checked"]

_REPEATS_MAX = 512
_WAYS_MAX = 64
_LENGTH_MAX = 2000
_PROBES = [chr(code) for code in range(128)] + list("\x85\xa0é߀ßſ中٣\u2028İı\U0001f600")
"""Characters by which classes are told apart: all of ASCII, and of what else classes name."""
_ONE = frozenset({ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN})
_REPEAT = frozenset({ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT})
_Node = tuple[Any, Any]


class Doubtful(ValueError):
    """Why an expression is not taken."""


def checked(expression: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """An expression, compiled with its repeats bounded.

    Raises:
        Doubtful: it is none, or could run away.
    """
    if not expression or len(expression) > _LENGTH_MAX:
        raise Doubtful(f"it must have 1 to {_LENGTH_MAX} characters")
    flags = re.IGNORECASE if ignore_case else 0
    try:
        tree = _parser.parse(expression, flags)
        re.compile(expression, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise Doubtful(f"it is no regular expression: {error}") from None
    _Check(tree.state.flags).of(list(tree))
    return re.compile(_bounded(expression), flags)
