"""The audit log, as operators read it."""

from __future__ import annotations

from router.office.audit import list_audit as read_audit
from router.office.office import Office
from router.office.operations.operation import OperationAnswer, operation
from router.types.periods import iso_time

__all__ = ["list_audit"]

_LIMIT = 50


@operation("audit show", "record:AuditForm")
def list_audit(
    office: Office,
    *,
    limit: int | None = None,
    before: int | None = None,
    action: str | None = None,
    subject: str | None = None,
    actor: str | None = None,
) -> OperationAnswer:
    """What was done by whom, newest first."""
    found = read_audit(office, limit=limit or _LIMIT, before=before, action=action, subject=subject, actor=actor)
    return OperationAnswer(
        [
            {
                "seq": entry.seq,
                "created_at": iso_time(entry.created_at),
                "actor": entry.actor,
                "kind": entry.kind or None,
                "session": entry.session or None,
                "address": entry.address or None,
                "action": entry.action,
                "subject": entry.subject,
                "detail": dict(entry.detail),
            }
            for entry in found
        ]
    )
