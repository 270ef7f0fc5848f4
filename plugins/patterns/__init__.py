"""Patterns in texts: secrets by their well-known shapes, expressions of the operator's own, and sizes.

Each is refused, masked or only noted in the log. What is found stands in no message and in no log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router_plugins.patterns.expressions import Doubtful, checked
from router_plugins.patterns.secrets import SECRETS

from router import Guard, GuardedCall, GuardRefused, PluginContext, hookimpl, matches_in

__all__ = ["plugin"]

_ACTIONS = ("refuse", "mask", "note")
_WHERE = ("requests", "replies", "both")


@dataclass(frozen=True)
class OwnRule:
    """``[plugins.patterns.rules.NAME]``: an expression of the operator's own.

    Attributes:
        expression: a regular expression; what could run away is refused at the start.
        action: ``refuse``, ``mask`` or ``note``.
        where: ``requests``, ``replies`` or ``both``.
        message: what a client reads where it is refused.
        ignore_case: whether capitals are the same as small letters.
    """

    expression: str
    action: str = field(default="refuse", metadata={"one_of": _ACTIONS})
    where: str = field(default="requests", metadata={"one_of": _WHERE})
    message: str = ""
    ignore_case: bool = False

    def __post_init__(self) -> None:
        try:
            checked(self.expression, ignore_case=self.ignore_case)
        except Doubtful as error:
            raise ValueError(f"expression {self.expression!r}: {error}") from None


@dataclass(frozen=True)
class Settings:
    """``[plugins.patterns]``.

    Attributes:
        secrets: what happens to API keys, tokens and private keys: ``refuse``, ``mask``, ``note``, or ``off``.
        secrets_where: ``requests``, ``replies`` or ``both``.
        max_request_chars: the most that all texts of a request may hold; 0 for no bound.
        max_text_chars: the most that one text of a request may hold; 0 for no bound.
        max_reply_chars: the most that all texts of a reply may hold; 0 for no bound.
        rules: expressions of your own, by name.
    """

    secrets: str = field(default="off", metadata={"one_of": (*_ACTIONS, "off")})
    secrets_where: str = field(default="requests", metadata={"one_of": _WHERE})
    max_request_chars: int = field(default=0, metadata={"min": 0})
    max_text_chars: int = field(default=0, metadata={"min": 0})
    max_reply_chars: int = field(default=0, metadata={"min": 0})
    rules: Mapping[str, OwnRule] = field(default_factory=dict)


class Patterns:
    """The plugin ``patterns``."""

    requires_hooks = "0.2"

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def guard(self, context: PluginContext) -> Guard | None:
        settings = context.settings or Settings()
        guard = Matching(settings)
        return guard if guard.does else None


@dataclass(frozen=True)
class _Rule:
    """One expression and what becomes of what it finds."""

    name: str
    expression: re.Pattern[str]
    action: str
    message: str


class Matching(Guard):
    """Looks for patterns.

    Args:
        settings: which, and what becomes of them.

    Attributes:
        does: whether it has anything to look for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._requests = _rules(settings, "requests")
        self._replies = _rules(settings, "replies")
        sized = settings.max_request_chars or settings.max_text_chars
        changes = any(rule.action != "note" for rule in self._replies) or settings.max_reply_chars
        self.replies = "buffer" if changes else "observe" if self._replies else ""
        self.does = bool(self._requests or self._replies or sized or settings.max_reply_chars)

    def request(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        """See ``Guard``."""
        settings = self._settings
        _check_size("max_request_chars", sum(map(len, texts)), settings.max_request_chars, "The texts of this request")
        _check_size(
            "max_text_chars", max(map(len, texts), default=0), settings.max_text_chars, "A text of this request"
        )
        return _applied(self._requests, call, texts)

    def reply(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        """See ``Guard``."""
        _check_size("max_reply_chars", sum(map(len, texts)), self._settings.max_reply_chars, "The reply")
        return _applied(self._replies, call, texts)


def _rules(settings: Settings, where: str) -> list[_Rule]:
    found = []
    if settings.secrets != "off" and settings.secrets_where in (where, "both"):
        message = "It holds what looks like a secret ({name}): take it out, and replace it where it is used."
        found += [
            _Rule(name, pattern, settings.secrets, message.format(name=name)) for name, pattern in SECRETS.items()
        ]
    for name, rule in settings.rules.items():
        if rule.where in (where, "both"):
            pattern = checked(rule.expression, ignore_case=rule.ignore_case)
            found.append(_Rule(name, pattern, rule.action, rule.message))
    return found


def _applied(rules: Sequence[_Rule], call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
    """The texts with what is masked; None where nothing is."""
    shown = list(texts)
    for rule in rules:
        for place, text in enumerate(shown):
            spans = [match.span() for match in matches_in(rule.expression, text) if match[0]]
            if spans and rule.action == "refuse":
                raise GuardRefused(rule.name, rule.message)
            if spans and rule.action == "note":
                call.notes.append(rule.name)
            elif spans:
                shown[place] = _masked(text, spans, f"[{rule.name}]")
    return shown if shown != list(texts) else None


def _masked(text: str, spans: Sequence[tuple[int, int]], mask: str) -> str:
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], mask]
        end = stop
    return "".join([*parts, text[end:]])


def _check_size(rule: str, size: int, most: int, what: str) -> None:
    if most and size > most:
        raise GuardRefused(rule, f"{what} may hold {most:,} characters, and has {size:,}: shorten it.")


plugin = Patterns()
