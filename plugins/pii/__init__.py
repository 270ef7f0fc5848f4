"""Personal data that providers need not see: masked in requests, and put back in replies.

An e-mail address, a phone number, a card, an IBAN or an IP address becomes a placeholder such as ``[EMAIL_1]`` before
the request is sent, the same for the same value throughout a conversation. Where the reply names it, the value stands
again when the client reads it, in streams and in arguments of tool calls as well. Nothing is kept after the call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from router_plugins.pii.finding import KINDS, values_in

from router import Guard, GuardedCall, PluginContext, TextFilter, hookimpl, matches_in

__all__ = ["plugin"]

_LONGEST = 24
_CUT = re.compile(r"\[(?:[A-Z]{1,5}(?:_\d{0,9})?)?$")
"""What a placeholder may begin with at the end of a piece."""
_NAME = re.compile(rf"\[(?:{'|'.join(kind.upper() for kind in KINDS)})_[0-9]{{1,9}}\]")
"""A placeholder: looked for by its shape, so that a text with thousands of values takes no longer for each of them."""


@dataclass(frozen=True)
class Settings:
    """``[plugins.pii]``.

    Attributes:
        kinds: what is masked: ``email``, ``phone``, ``card``, ``iban``, ``ip``; none turns the guard off.
        restore: whether replies have the values again.
    """

    kinds: tuple[str, ...] = ()
    restore: bool = True

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise ValueError(f"kinds: {kind!r} is none of {', '.join(KINDS)}")


class Pii:
    """The plugin ``pii``."""

    requires_hooks = "0.2"

    @hookimpl
    def settings(self) -> type:
        return Settings

    @hookimpl
    def guard(self, context: PluginContext) -> Guard | None:
        settings = context.settings or Settings()
        return Masking(settings) if settings.kinds else None


class Masking(Guard):
    """Masks and restores.

    Args:
        settings: which values, and whether they come back.
    """

    def __init__(self, settings: Settings) -> None:
        self._kinds = settings.kinds
        self.replies = "transform" if settings.restore else ""

    def mode(self, call: GuardedCall) -> str:
        """Only where something was masked is there something to put back."""
        return self.replies if call.state else ""

    def request(self, call: GuardedCall, texts: Sequence[str]) -> Sequence[str] | None:
        """The texts with placeholders; what stands for what is kept with the call."""
        found = [values_in(text, self._kinds) for text in texts]
        if not any(found):
            return None
        names = {value: name for name, value in call.state.items()}
        counts: dict[str, int] = {}
        held = {match[0] for text in texts for match in matches_in(_NAME, text)}
        for name in call.state:
            counts[_kind_of(name)] = counts.get(_kind_of(name), 0) + 1
        shown = []
        for text, values in zip(texts, found, strict=True):
            parts, end = [], 0
            for start, stop, kind in values:
                value = text[start:stop]
                if value not in names:
                    names[value] = _new_name(kind, counts, held)
                    call.state[names[value]] = value
                parts += [text[end:start], names[value]]
                end = stop
            shown.append("".join([*parts, text[end:]]))
        return shown

    def filter(self, call: GuardedCall) -> TextFilter | None:
        """What puts values back."""
        return _Restoring(call.state)


class _Restoring:
    """One text of a reply: its placeholders become values again, however they are cut."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self._kept = ""

    def feed(self, text: str) -> str:
        """See ``TextFilter``."""
        text = self._kept + text
        cut = _CUT.search(text, max(0, len(text) - _LONGEST))
        text, self._kept = (text, "") if cut is None else (text[: cut.start()], text[cut.start() :])
        return _NAME.sub(lambda match: self._values.get(match[0], match[0]), text)

    def flush(self) -> str:
        """See ``TextFilter``."""
        kept, self._kept = self._kept, ""
        return kept


def _kind_of(name: str) -> str:
    return name[1:].partition("_")[0]


def _new_name(kind: str, counts: dict[str, int], held: Set[str]) -> str:
    """The next placeholder of a kind that is not among those which the request holds itself."""
    while True:
        counts[kind.upper()] = counts.get(kind.upper(), 0) + 1
        name = f"[{kind.upper()}_{counts[kind.upper()]}]"
        if name not in held:
            return name


plugin = Pii()
