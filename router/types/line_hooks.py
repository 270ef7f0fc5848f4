"""What plugins on a call's way are shown: who asks, what for, where it could go; and answers that caches keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.money.usage import Usage

__all__ = ["CachedAnswer", "CallRequest", "Credentials", "TargetOption", "TargetReason"]

_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows in the place of a key of the gateway's.

    Attributes:
        authorization, x_api_key: the two headers; None where they are missing.
    """

    authorization: str | None = field(default=None, repr=False)
    x_api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call before it is served.

    Attributes:
        request_id: ours.
        surface: ``chat`` or ``embeddings``.
        account, key: whose it is; IDs.
        model: as the client wrote it; empty where it wrote none.
        body: the decoded body. Never change it: copy, then edit.
        stream: whether a stream is asked for.
        client: the client's IP address; empty where it is not known.
        source: the client's body, where ``body`` is the chat call that was made of it; else the same.
        variant: what besides decides how such a call is answered: versions and betas that a surface's headers name.
    """

    request_id: str
    surface: str
    account: str
    key: str
    model: str
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    client: str = ""
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)
    variant: str = ""


@dataclass(frozen=True, slots=True)
class TargetOption:
    """A target that may serve a call.

    Attributes:
        id: ``PROVIDER/MODEL``.
        provider: the configured name.
        model: the model that the upstream knows.
        kind: the plugin that serves it.
        charge_nano: what the call would be charged there by the price in force, in nano-units of the balance currency,
            if it used its prompt and all the output that each of its targets allows: for comparing. None where that is
            not known.
        cost_nano: what the provider would charge us for the same; None where that is not known.
        ready: whether it would be called now: none of its endpoints may be free and well. Where it is not, the next is
            tried anyway.
    """

    id: str
    provider: str
    model: str
    kind: str
    charge_nano: int | None = None
    cost_nano: int | None = None
    ready: bool = True


@dataclass(frozen=True, slots=True)
class TargetReason:
    """Where a strategy puts a target, and why.

    Attributes:
        id: the target's.
        reason: for people, a few words: ``0.25 USD for a call of this size``.
    """

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """One good and whole answer.

    Attributes:
        body: JSON of a chat completion or of embeddings; of a stream, the JSON texts of its chunks, one a line. The
            same on every surface, whose own words are made of it anew for each call.
        stream: whether it was a stream. The gateway makes the other form of it where a call wants that.
        target: ID of the target that gave it. It answers only calls that may go there.
        usage: what it is charged by.
        made_at: Unix seconds.
        finish: the ``finish_reason`` of its one choice; empty of embeddings, and where there are several.
        calls_tools: whether it asks the client to call tools.
    """

    body: bytes = field(repr=False)
    stream: bool
    target: str
    usage: Usage
    made_at: float
    finish: str = ""
    calls_tools: bool = False

    def packed(self) -> str:
        """The whole as one text, which ``unpacked`` reads; plain JSON."""
        usage = {name: getattr(self.usage, name) for name in _COUNTS}
        told = [1, self.stream, self.target, usage, self.made_at, self.finish, self.calls_tools, self.body.decode()]
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def unpacked(cls, text: str | bytes) -> CachedAnswer | None:
        """What ``packed`` made; None for anything else, such as what another version of the gateway packed."""
        try:
            version, stream, target, usage, made_at, finish, calls_tools, body = json.loads(text)
            if version != 1:
                return None
            return cls(body.encode(), stream, target, _usage(usage), float(made_at), finish, calls_tools)
        except (AttributeError, TypeError, ValueError):
            return None


def _usage(told: Mapping[str, Any]) -> Usage:
    counts = {name: told[name] for name in _COUNTS if name in told}
    if any(type(count) is not int or count < 0 for count in counts.values()):
        raise ValueError("a count is none")
    return Usage(**counts)
