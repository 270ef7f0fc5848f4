"""The part of regular expressions that operators may write, read into a tree and written again with bounded repeats."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Char", "Choice", "Group", "Node", "Repeat", "Syntax", "Unread", "Zero"]


class Unread(ValueError):
    """What is not taken of an expression that Python would take."""


class Char(NamedTuple):
    """Something that matches one character of some."""

    text: str
    chars: frozenset[str]


class Zero(NamedTuple):
    """An anchor, or a look around at something; it takes no character."""

    text: str
    inner: Choice | None = None


class Group(NamedTuple):
    """What stands in brackets."""

    text: str
    inner: Choice


class Repeat(NamedTuple):
    """Something, ``low`` to ``high`` times."""

    inner: Node
    low: int
    high: int
    suffix: str


class Choice(NamedTuple):
    """One of several sequences."""

    branches: tuple[tuple[Node, ...], ...]


Node = Char | Zero | Group | Repeat | Choice

_ANCHORS = frozenset("bBAZ")
_OPENED = re.compile(r"\((?:\?(?::|=|!|<=|<!|P<\w+>))?")
_BRACES = re.compile(r"\{(\d*)(,?)(\d*)\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|0[0-7]{0,2}|\D)", re.DOTALL)
_PROBES = "".join(map(chr, range(128))) + "\x85\xa0\xe9\u07c0\xdf\u017f\u4e2d\u0663\u2028\u0130\u0131\u212a\U0001f600"


class Syntax:
    """Reads one expression.

    Args:
        repeats_max: of what has no bound of its own.

    Attributes:
        all: the characters by which classes are told apart.
    """

    def __init__(self, text: str, flags: re.RegexFlag, repeats_max: int) -> None:
        self._text = text
        self._flags = flags
        self._most = repeats_max
        self._place = 0
        self.all = frozenset(_PROBES + text + text.swapcase())

    def whole(self) -> Choice:
        """The expression.

        Raises:
            Unread: what is not taken of it.
        """
        node = self._choice()
        if self._place < len(self._text):
            raise Unread("its brackets do not close")
        return node

    def written(self, node: Node) -> str:
        """A tree as text."""
        match node:
            case Char(text, _):
                return text
            case Zero(text, inner) | Group(text, inner):
                return text if inner is None else f"{text}{self.written(inner)})"
            case Repeat(inner, low, high, suffix):
                return f"{self.written(inner)}{{{low},{high}}}{suffix}"
            case Choice(branches):
                return "|".join("".join(map(self.written, branch)) for branch in branches)

    def _choice(self) -> Choice:
        branches: list[tuple[Node, ...]] = []
        branch: list[Node] = []
        while self._place < len(self._text) and self._text[self._place] != ")":
            if self._text[self._place] == "|":
                self._place += 1
                branches.append(tuple(branch))
                branch = []
            else:
                branch.append(self._repeated(self._atom()))
        return Choice((*branches, tuple(branch)))

    def _atom(self) -> Node:
        text, place = self._text, self._place
        letter = text[place]
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._char(_CLASS)
        if letter == "\\":
            if text[place + 1 : place + 2] in _ANCHORS:
                self._place += 2
                return Zero(text[place : place + 2])
            return self._char(_ESCAPE)
        self._place += 1
        if letter in "^$":
            return Zero(letter)
        return Char(letter, self._matched(letter))

    def _char(self, shape: re.Pattern[str]) -> Char:
        found = shape.match(self._text, self._place)
        if found is None:
            raise Unread("it refers to a group, which is not taken here")
        self._place = found.end()
        return Char(found[0], self._matched(found[0]))

    def _matched(self, text: str) -> frozenset[str]:
        one = re.compile(text, self._flags)
        return frozenset(char for char in self.all if one.fullmatch(char))

    def _group(self) -> Group | Zero:
        found = _OPENED.match(self._text, self._place)
        assert found is not None
        self._place = found.end()
        if found[0] == "(" and self._text[self._place : self._place + 1] == "?":
            raise Unread("it has flags, a condition or an atomic group, which are not taken here")
        inner = self._choice()
        self._place += 1
        looks = found[0][2:] in ("=", "!", "<=", "<!")
        return Zero(found[0], inner) if looks else Group(found[0], inner)

    def _repeated(self, inner: Node) -> Node:
        text = self._text
        letter = text[self._place : self._place + 1]
        ranges = {"*": (0, self._most), "+": (1, self._most), "?": (0, 1)}
        if letter in ranges and letter:
            low, high = ranges[letter]
            self._place += 1
        elif letter == "{" and (found := _BRACES.match(text, self._place)) and found[0] != "{}":
            low = int(found[1] or 0)
            high = int(found[3]) if found[3] else low + self._most if found[2] else low
            self._place = found.end()
        else:
            return inner
        if high > max(self._most, 0):
            raise Unread(f"a repeat goes up to {high}, and {self._most} is the most")
        suffix = text[self._place : self._place + 1]
        suffix = suffix if suffix in ("?", "+") else ""
        self._place += len(suffix)
        if isinstance(inner, Zero):
            raise Unread("it repeats an anchor or a look around")
        return Repeat(inner, low, high, suffix)
