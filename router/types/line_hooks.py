"""What plugins on a call's way are shown: who asks, what for, and where it could go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CallRequest", "Credentials", "TargetOption"]


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
    """

    request_id: str
    surface: str
    account: str
    key: str
    model: str
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    client: str = ""


@dataclass(frozen=True, slots=True)
class TargetOption:
    """A target that may serve a call.

    Attributes:
        id: ``PROVIDER/MODEL``.
        provider: the configured name.
        model: the model that the upstream knows.
        kind: the plugin that serves it.
    """

    id: str
    provider: str
    model: str
    kind: str
