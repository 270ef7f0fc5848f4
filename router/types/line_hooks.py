"""What plugins on a call's way are shown: who asks, what for, and where it could go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CallRequest", "Credentials", "TargetOption", "TargetReason"]


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
