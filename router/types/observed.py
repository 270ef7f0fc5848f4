"""What observers are told besides finished calls: requests that were refused, and attempts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from router.types.records import Attempt

__all__ = ["AttemptRecord", "OutputRecord", "RefusalRecord", "span_id_of"]


@dataclass(frozen=True, slots=True)
class RefusalRecord:
    """A request that never became a call. Never a prompt, never a secret.

    Attributes:
        request_id: ours.
        at: Unix seconds.
        route: the route's pattern.
        status: HTTP status that the client was sent.
        code: of the error.
        param: the field that was wrong; empty where none was.
        message: for operators, at most 300 characters, our secrets cut out.
        account, key: IDs; empty where the key was not known.
        model: as the client wrote it; empty where that was not read.
        client: the client's IP address.
        client_request_id: the client's own ID; empty where it sent none.
        traceparent: the client's place in its trace (W3C Trace Context); empty where it sent none. Since: 0.2.
        tracestate: what tracers say of it besides; empty where there is none. Since: 0.3.
    """

    request_id: str
    at: float
    route: str
    status: int
    code: str
    param: str = ""
    message: str = ""
    account: str = ""
    key: str = ""
    model: str = ""
    client: str = ""
    client_request_id: str = ""
    traceparent: str = ""
    tracestate: str = ""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One upstream call of a client's call, once it is over.

    Attributes:
        request_id: the call's.
        number: from 1 within the call.
        account, key: IDs.
        model: the public ID as asked for.
        attempt: provider, model, how it ended.
        began_at: Unix seconds; 0.0 where that is not known. Since: 0.2.
    """

    request_id: str
    number: int
    account: str
    key: str
    model: str
    attempt: Attempt
    began_at: float = 0.0


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """A call has its first output: of a stream, what the client sees first; else the whole answer.

    Attributes:
        request_id: the call's.
        account, key: IDs.
        model: the public ID as asked for.
        provider, upstream_model: what serves it.
        streamed: whether a stream was asked for.
        first_token_ms: since the request arrived.
    """

    request_id: str
    account: str
    key: str
    model: str
    provider: str
    upstream_model: str
    streamed: bool
    first_token_ms: int


def span_id_of(request_id: str) -> str:
    """The ID of a call's span, 16 hexadecimal digits: one for whoever exports it and for upstreams that are told."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:16]
