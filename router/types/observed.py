"""What observers are told besides finished calls: requests that were refused, and attempts."""

from __future__ import annotations

from dataclasses import dataclass

from router.types.records import Attempt

__all__ = ["AttemptRecord", "RefusalRecord"]


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


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One upstream call of a client's call, once it is over.

    Attributes:
        request_id: the call's.
        number: from 1 within the call.
        account, key: IDs.
        model: the public ID as asked for.
        attempt: provider, model, how it ended.
    """

    request_id: str
    number: int
    account: str
    key: str
    model: str
    attempt: Attempt
