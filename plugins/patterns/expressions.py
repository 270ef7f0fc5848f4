r"""Operators' expressions, bounded before they meet what clients send.

Python's engine tries every way to match, so that an expression such as ``(a+)+b`` takes longer than anybody waits. What
is taken here takes a bounded time at each place of a text, whatever that holds:

- a repeat goes on for 256 times at most: ``*`` and ``+`` mean that; a whole match has at most 1,024 characters;
- there are at most 32 ways to try at a place. A repeat counts with its range (``\d{1,5}`` five ways), unless what must
  follow cannot begin like what is repeated (``\d+-``), or nothing follows: then there is but one way. What repeats
  something that has several ways multiplies them;
- references to groups, conditions and flags within the expression are not taken.
"""

from __future__ import annotations

import re

from router_plugins.patterns.syntax import Char, Choice, Group, Node, Repeat, Syntax, Unread, Zero

__all__ = ["Doubtful", "checked"]

REPEATS_MAX = 256
_SIZE_MAX = 1024
_WAYS_MAX = 32
_LENGTH_MAX = 1000

_Chars = frozenset[str]


class Doubtful(ValueError):
    """Why an expression is not taken."""


def checked(expression: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """An expression, compiled with its repeats bounded.

    Raises:
        Doubtful: it is none, or could run away.
    """
    if not expression or len(expression) > _LENGTH_MAX:
        raise Doubtful(f"it must have 1 to {_LENGTH_MAX} characters")
    flags = re.IGNORECASE if ignore_case else re.NOFLAG
    try:
        re.compile(expression, flags)
        syntax = Syntax(expression, flags, REPEATS_MAX)
        node = syntax.whole()
    except (re.error, RecursionError, OverflowError) as error:
        raise Doubtful(f"it is no regular expression: {error}") from None
    except Unread as error:
        raise Doubtful(str(error)) from None
    size = _size(node)
    if size > _SIZE_MAX:
        raise Doubtful(
            f"a match could have {size:,} characters, and {_SIZE_MAX:,} is the most: give repeats a smaller range, "
            "such as {1,40} in the place of '+'"
        )
    ways = _ways(node, None, syntax.all)
    if ways > _WAYS_MAX:
        raise Doubtful(
            f"it could be tried in more than {_WAYS_MAX} ways at each place of a text, so that some texts would take "
            "very long: give repeats a smaller range, let what follows a repeat begin otherwise, and put none into "
            "another"
        )
    return re.compile(syntax.written(node), flags)


def _size(node: Node) -> int:
    """The most characters that it can match."""
    match node:
        case Char():
            return 1
        case Zero(_, inner):
            return 0 if inner is None else _size(inner)  # a look around goes as far, and none of it is matched
        case Repeat(inner, _, high, _):
            return high * _size(inner)
        case Group(_, inner):
            return _size(inner)
        case Choice(branches):
            return max(sum(map(_size, branch)) for branch in branches)


def _first(node: Node) -> tuple[_Chars, bool]:
    """What it can begin with, and whether it can be nothing at all."""
    match node:
        case Char(_, chars):
            return chars, False
        case Zero():
            return frozenset(), True
        case Repeat(inner, low, _, _):
            chars, empty = _first(inner)
            return chars, empty or low == 0
        case Group(_, inner):
            return _first(inner)
        case Choice(branches):
            found = [_first_of(branch) for branch in branches]
            return frozenset().union(*(chars for chars, _ in found)), any(empty for _, empty in found)


def _first_of(branch: tuple[Node, ...]) -> tuple[_Chars, bool]:
    chars: _Chars = frozenset()
    for node in branch:
        more, empty = _first(node)
        chars |= more
        if not empty:
            return chars, False
    return chars, True


def _begins(branch: tuple[Node, ...], follow: _Chars | None) -> _Chars:
    """What begins a branch, or what follows it where the branch can be nothing."""
    chars, empty = _first_of(branch)
    return chars | follow if empty and follow is not None else chars


def _ways(node: Node, follow: _Chars | None, everything: _Chars) -> int:
    """In how many ways it can be tried at one place.

    Args:
        follow: what may come behind it; None for nothing.
        everything: what follows where that cannot be told.
    """
    match node:
        case Char():
            return 1
        case Zero(_, inner):
            return 1 if inner is None else _ways(inner, everything, everything)
        case Group(_, inner):
            return _ways(inner, follow, everything)
        case Repeat(inner, low, high, _):
            return _repeated(inner, low, high, follow, everything)
        case Choice(branches):
            ways = [_in_order(branch, follow, everything) for branch in branches]
            firsts = [_begins(branch, follow) for branch in branches]
            apart = sum(map(len, firsts)) == len(frozenset().union(*firsts))
            return max(ways) if apart else sum(ways)


def _in_order(branch: tuple[Node, ...], follow: _Chars | None, everything: _Chars) -> int:
    ways = 1
    for node in reversed(branch):
        ways = min(ways * _ways(node, follow, everything), _WAYS_MAX + 1)
        if isinstance(node, Zero):
            follow = everything
            continue
        chars, empty = _first(node)
        follow = chars if not empty else everything if follow is None else chars | follow
    return ways


def _repeated(inner: Node, low: int, high: int, follow: _Chars | None, everything: _Chars) -> int:
    chars, empty = _first(inner)
    if empty and high > 1:
        return _WAYS_MAX + 1
    behind = chars if follow is None else chars | follow
    ways = _ways(inner, behind if high > 1 else follow, everything)
    if ways > 1 and high > 1:
        return _WAYS_MAX + 1
    split = 1 if low == high or follow is None or chars.isdisjoint(follow) else high - low + 1
    return min(ways * split, _WAYS_MAX + 1)
