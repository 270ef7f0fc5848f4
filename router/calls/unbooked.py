"""A good call that could not be booked in time: what its client is told, and the row that says the same."""

from __future__ import annotations

from dataclasses import replace

from router.errors import StoreError
from router.types.records import CallRecord

__all__ = ["PLAIN_UNBOOKED", "STREAM_UNBOOKED", "unbooked_row"]

PLAIN_UNBOOKED = "This call could not be booked in time. It was not charged; please send it again."
STREAM_UNBOOKED = "This answer is whole, but could not be booked in time; it is charged as soon as it can be."


def unbooked_row(record: CallRecord) -> CallRecord:
    """The row of a good call whose client has to be told that it could not be booked in time."""
    if record.streamed:
        return replace(record, ending="cut", error_code=StoreError.code or "")
    return replace(record, ending="error", status=StoreError.status, error_code=StoreError.code or "", charge_nano=0)
