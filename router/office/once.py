"""What operators ask for again under the same ``Idempotency-Key`` is done once, and answered as the first time.

An answer that got lost on its way does not tell whether credit was given. Who asks again with the same value learns it,
and gives nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from router.db.ids import new_id
from router.errors import Conflict, RouterError
from router.office.office import Office
from router.store.idempotency import (
    IdempotencySlot,
    IdempotentCall,
    SlotHolder,
    begin,
    finishing,
    reference_of,
    releasing,
)

__all__ = ["DoneOnce", "IdempotentRequest", "do_once"]

_OWNER = "office"  # no worker's: an answer that was cut off is never made up by another
_RETRY_AFTER_S = 2


class IdempotentRequest(NamedTuple):
    """What somebody asks for.

    Attributes:
        key_id: the ID of the key whose request it is.
        value: of its ``Idempotency-Key``.
        path, body: what must be equal for a repeat.
    """

    key_id: str
    value: str
    path: str
    body: bytes

    @property
    def digest(self) -> str:
        """Of what must be equal."""
        return hashlib.sha256(self.path.encode("utf-8") + b"\n" + self.body).hexdigest()


class DoneOnce(NamedTuple):
    """What was answered, and whether that was an earlier answer."""

    answer: dict[str, Any]
    replayed: bool


def do_once(office: Office, asked: IdempotentRequest, do: Callable[[], dict[str, Any]]) -> DoneOnce:
    """Do it, or give the answer that the same request got within the last 24 hours.

    What is refused is done the next time, if it may be then. What may have been done, because the database did not
    answer, or the gateway was ended in the midst, is never done again under this value.

    Args:
        do: gives the answer, as JSON has it.

    Raises:
        BadRequest: the value is none.
        Conflict: it was used for another request; the first is under way, or was cut off.
        RouterError: as ``do``.
    """
    place = IdempotencySlot(asked.key_id, reference_of(asked.value))
    call = IdempotentCall(new_id("once"), _OWNER, asked.digest)
    holder = begin(office.database, place, call, office.clock())
    if holder is not None:
        return DoneOnce(_earlier(holder, call), True)
    try:
        answer = do()
    except RouterError as error:
        if error.status < 500:
            _write(office, releasing(place, call.request_id))
        raise
    _write(office, finishing(place, call.request_id, 200, {}, json.dumps(answer).encode("ascii")))
    return DoneOnce(answer, False)


def _earlier(holder: SlotHolder, call: IdempotentCall) -> dict[str, Any]:
    if holder.body_hash != call.body_hash:
        raise Conflict(
            "This Idempotency-Key was sent before with another request. Send a new one with a new request, and the "
            "same request with the same one.",
            code="idempotency_key_reused",
        )
    if holder.body is None:
        raise Conflict(
            "The first request with this Idempotency-Key is under way, or was cut off before its end. Send it again in "
            f"{_RETRY_AFTER_S} seconds; if this stays so, `router audit show` says whether it was done.",
            code="idempotency_in_progress",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )
    answer: dict[str, Any] = json.loads(holder.body)
    return answer


def _write(office: Office, statement: tuple[str, tuple[Any, ...]]) -> None:
    office.database.write(lambda connection: connection.execute(*statement))
