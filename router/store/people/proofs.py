"""Rows of what counts once: proofs of work that were shown, and forms that made something."""

from __future__ import annotations

from router.db.connection import Connection

__all__ = ["delete_old_proofs", "use_form", "use_proof"]

_USE = "INSERT INTO pow_used (signature, expires_at) VALUES (?, ?) ON CONFLICT (signature) DO NOTHING"
_FORM_S = 86_400.0


def use_proof(connection: Connection, signature: str, expires_at: float) -> bool:
    """Use a proof up; False where it was shown before."""
    return connection.execute(_USE, (signature, expires_at)) == 1


def use_form(connection: Connection, person_id: str, once: str, now: float) -> bool:
    """Use a form up that somebody was shown; False where it was sent within a day before. One without the field by
    which it is known again counts always.

    Args:
        once: what stood in that field.
    """
    return not once or use_proof(connection, f"form:{person_id}:{once}", now + _FORM_S)


def delete_old_proofs(connection: Connection, now: float) -> int:
    """Delete those whose challenge has run out, which counts no more by itself; how many."""
    return connection.execute("DELETE FROM pow_used WHERE expires_at <= ?", (now,))
