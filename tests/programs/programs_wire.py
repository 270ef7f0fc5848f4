"""A gateway whose one model behaves as a coding model does: it asks for a tool first, and answers when it has run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.testing import Answer, Gateway, ScriptedUpstream, Stream, chunks, completion, token_usage
from router.testing.upstream import Script
from router.testing.upstream.connection import ReceivedRequest

__all__ = ["USED", "Desk", "Wanted"]

USED = token_usage(1_000, 50)
_RUN_S = 90.0

Wanted = Callable[[Sequence[str]], tuple[str, str]]
"""Names of the tools that the model may call -> the one that it calls, and its arguments."""


@dataclass(frozen=True)
class Desk:
    """A gateway, the upstream behind it, and a folder to work in."""

    gateway: Gateway
    upstream: ScriptedUpstream
    folder: Path

    def model_that(self, wants: Wanted, says: str) -> None:
        """Have the model call a tool once, and say this once it has seen what the tool gave."""

        def answer(request: ReceivedRequest) -> Script:
            body = request.json()
            names = [tool["function"]["name"] for tool in body.get("tools") or ()]
            done = any(message["role"] == "tool" for message in body["messages"])
            if done or not names:
                return _said(body, words=(says,))
            return _said(body, tool_calls=[wants(names)])

        self.upstream.on("/v1/chat/completions", answer)

    def run(self, command: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder, with a home of its own."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**kept, "HOME": str(home), "NO_COLOR": "1", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_RUN_S,
            check=False,
        )

    def rows(self) -> list[dict[str, Any]]:
        """The usage rows, newest first."""
        found: list[dict[str, Any]] = self.gateway.router("usage", "show")
        return found

    def tools_seen(self) -> list[str]:
        """What the model was offered in its first call."""
        return [tool["function"]["name"] for tool in self.upstream.requests[0].json().get("tools") or ()]


def _said(body: Mapping[str, Any], words: Sequence[str] = (), tool_calls: Sequence[tuple[str, str]] = ()) -> Script:
    if body.get("stream"):
        return Stream(chunks(*words, tool_calls=tool_calls, usage=USED, include_usage=True))
    return Answer(completion("".join(words), tool_calls=tool_calls, usage=USED))


def arguments(**values: Any) -> str:
    """A tool call's arguments."""
    return json.dumps(values)
