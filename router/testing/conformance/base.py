"""Numbered rules, and what becomes of a plugin under one of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from router.plugin_host.registry import Plugin

__all__ = ["Failed", "NotOffered", "Outcome", "Rule", "RuleResult", "Suite", "expect"]

B = TypeVar("B")
Outcome = Literal["pass", "fail", "not offered"]


class Failed(Exception):
    """The plugin breaks the rule.

    Args:
        seen: what it did, for its author; never a secret.
        remedy: what to do, where it is not the rule's own remedy.
    """

    def __init__(self, seen: str, remedy: str = "") -> None:
        super().__init__(seen)
        self.seen = seen
        self.remedy = remedy


class NotOffered(Exception):
    """The rule is about something that the plugin does not offer; the text says what, or why."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: a letter for the role (P provider, B billing, R rate limit, D dialect, W surface, Y payment) and a number;
            never reused.
        statement: what holds for a plugin that keeps it, in a line.
        remedy: what the author of a plugin that breaks it should do.
        check: drives the plugin on its suite's bench. Returns, or raises ``Failed`` or ``NotOffered``; any other
            exception counts as a failure.
    """

    id: str
    statement: str
    remedy: str
    check: Callable[[Any], None]


@dataclass(frozen=True)
class RuleResult:
    """What became of a plugin under a rule.

    Attributes:
        rule, statement: the rule's ID and statement.
        outcome: ``pass``, ``fail`` or ``not offered``.
        seen: what the plugin did, where it failed; the reason, where it does not offer it.
        remedy: what to do, where it failed.
    """

    rule: str
    statement: str
    outcome: Outcome
    seen: str = ""
    remedy: str = ""


class Suite(Generic[B]):
    """The rules for a role, and how to open the bench that they share: what it takes to drive the plugin.

    Rules are declared beside their code::

        PROVIDER: Suite[Bench] = Suite("provider", open_bench)

        @PROVIDER.rule("P01", "A plain call gives the whole answer.", remedy="...")
        def plain(bench: Bench) -> None: ...

    Args:
        role: the role (``router.hookspecs.ROLES``) whose plugins the rules hold for; ``any`` for all plugins, the ones
            that did not load among them.
        open_bench: makes the bench of one plugin; opened once for all rules, at the first.
    """

    def __init__(self, role: str, open_bench: Callable[[Plugin], AbstractContextManager[B]]) -> None:
        self.role = role
        self.open_bench = open_bench
        self.rules: list[Rule] = []

    def rule(self, id: str, statement: str, *, remedy: str) -> Callable[[Callable[[B], None]], Callable[[B], None]]:
        """Declare the decorated function to be a rule's check.

        Raises:
            ValueError: another rule of the suite has this ID.
        """

        def declare(check: Callable[[B], None]) -> Callable[[B], None]:
            if any(rule.id == id for rule in self.rules):
                raise ValueError(f"there are two rules {id}")
            self.rules.append(Rule(id, statement, remedy, check))
            return check

        return declare

    def covers(self, plugin: Plugin) -> bool:
        """Whether the rules hold for a plugin."""
        return self.role == "any" or self.role in plugin.roles


def expect(condition: object, seen: str, remedy: str = "") -> None:
    """Fail the rule unless ``condition`` holds.

    Raises:
        Failed: with what was seen.
    """
    if not condition:
        raise Failed(seen, remedy)
