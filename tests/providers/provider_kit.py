"""What the tests of providers share: one gateway before one scripted upstream, with a section for each need."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import openai

from router.testing import Gateway, ScriptedUpstream
from router.testing.upstream.wires import WIRES, ErrorRow, Wire

__all__ = ["ASK", "MODES", "Rig", "client_error", "error_cases", "sections"]

ASK: Any = [{"role": "user", "content": "What is six times seven?"}]
MODES = ("plain", "stream")
_SPARES = 16


@dataclass(frozen=True)
class Rig:
    """A running gateway, its SDK client, and the upstream that all its sections point at."""

    gateway: Gateway
    upstream: ScriptedUpstream
    client: openai.OpenAI
    _numbers: defaultdict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(itertools.count))

    def spare(self, plugin: str) -> str:
        """A section of the plugin's that no test has used, for a call that fails: a failure may bring a rest."""
        return f"{plugin}-spare-{next(self._numbers[plugin])}"

    def ask(self, model: str, mode: str = "plain", **fields: Any) -> list[Any]:
        """One call; the chunks, or the single completion."""
        reply: Any = self.client.chat.completions.create(
            model=model, stream=mode == "stream", **{"messages": ASK, **fields}
        )
        return list(reply) if mode == "stream" else [reply]

    def sent(self) -> Any:
        """The body that the upstream received last."""
        return self.upstream.last.json()


def error_cases() -> list[tuple[str, Wire, ErrorRow, str]]:
    """(section, wire, row, mode): a section for each, since a failed endpoint is given a rest.

    Every row is met by a plain call, whose usage row is looked at too; a stream meets one row of each kind, as
    nothing of an error that comes before the first chunk knows whether chunks were asked for.
    """
    cases = []
    for wire in WIRES.values():
        kinds: set[str] = set()
        for number, row in enumerate(wire.errors):
            modes = MODES if row.kind not in kinds else MODES[:1]
            kinds.add(row.kind)
            cases += [(f"{wire.name}-{number}-{mode}", wire, row, mode) for mode in modes]
    return cases


def sections(base_url: str) -> dict[str, dict[str, Any]]:
    """The provider sections of the rig: each plugin's own, the spare ones, those of the errors."""
    names = {wire.name: wire.name for wire in WIRES.values()}
    names |= {f"{wire.name}-spare-{number}": wire.name for wire in WIRES.values() for number in range(_SPARES)}
    names |= {section: wire.name for section, wire, _, _ in error_cases()}
    names |= {f"{wire.name}-{row.kind}": wire.name for _, wire, row, _ in error_cases()}
    return {
        name: {"kind": kind, "base_url": base_url, "api_key": f"sk-{kind}-secret", "unlisted": True}
        for name, kind in names.items()
    }


def client_error(status: int) -> type[openai.APIStatusError]:
    """The class that OpenAI's SDK raises for a status."""
    classes: dict[int, type[openai.APIStatusError]] = {
        400: openai.BadRequestError,
        404: openai.NotFoundError,
        422: openai.UnprocessableEntityError,
        429: openai.RateLimitError,
    }
    return openai.InternalServerError if status >= 500 else classes.get(status, openai.APIStatusError)
