"""What a translation finds on its way through a request: what is dropped, and what only Anthropic's own models take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from router.errors import BadRequest
from router.surfaces.measuring import FREE_BYTES, json_bytes, member_bytes
from router.surfaces.messages.ladder import FIELDS, Rung, Way, refusal

__all__ = ["Findings", "rule_for"]

_UNREAD = frozenset({"caller", "citations"})
"""Members that are known, and of which a chat has nothing."""


def rule_for(kind: str, rules: Mapping[str, Rung]) -> Rung:
    """The first rule that fits a ``type``."""
    found = rules.get(kind)
    return found or next(rule for name, rule in rules.items() if "*" in name and fnmatchcase(kind, name))


class Findings:
    """Keeps to the rules of the table.

    Args:
        version: of the API.

    Attributes:
        dropped: names for ``x-router-dropped-params``, in their order.
        native_only: the refusal by providers that are asked through chat; None where they take all.
        unpriced: the refusal where calls are paid for, by providers that speak the client's API; None for none.
        unseen_bytes: of what only such a provider is sent, and may read as a part of the prompt.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self.dropped: dict[str, None] = {}
        self.native_only: BadRequest | None = None
        self.unpriced: BadRequest | None = None
        self.unseen_bytes = 0

    def note(self, where: str, rule: Rung, value: Any = True, *, named: str = "") -> bool:
        """Apply a rule to what stands at ``where``; whether the translation is to take it over.

        Args:
            named: how it is named where it is dropped; ``where`` if empty.

        Raises:
            BadRequest: neither lane takes it.
        """
        if value is None:
            return False
        asks = rule.asks(value)
        if asks and rule.translated is rule.native is Way.REFUSED:
            raise refusal(where, rule)
        if asks and rule.native in (Way.REFUSED, Way.UNPRICED) and self.unpriced is None:
            self.unpriced = refusal(where, rule, unpriced=True)
        if rule.translated not in (Way.DROPPED, Way.REFUSED):
            return True
        if asks:
            self.unseen_bytes += json_bytes(value)
            if rule.translated is Way.REFUSED:
                self.native_only = self.native_only or refusal(where, rule)
            else:
                self.drop(named or where)
        return False

    def drop(self, *names: str) -> None:
        """Note what is not passed on."""
        self.dropped.update(dict.fromkeys(names))

    def drop_beside(self, holder: Mapping[str, Any], known: Iterable[str]) -> None:
        """Note the members of a block that have no place in a chat, and how long its cache is to last."""
        names = set(holder).difference(known)
        unseen = sum(member_bytes(name, holder[name]) for name in holder if name in names or name in _UNREAD)
        self.unseen_bytes += unseen if unseen > FREE_BYTES else 0
        control = holder.get("cache_control")
        if isinstance(control, dict):
            self.note("cache_control.ttl", FIELDS["cache_control.ttl"], control.get("ttl"), named="cache_control")
        self.drop(*sorted(name for name in names if holder[name] not in (None, [], {}, False)))
