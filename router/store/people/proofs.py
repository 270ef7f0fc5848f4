"""Rows of proofs of work that were shown: none counts twice."""

from __future__ import annotations

from router.db.connection import Connection

__all__ = ["delete_old_proofs", "use_proof"]

_USE = "INSERT INTO pow_used (signature, expires_at) VALUES (?, ?) ON CONFLICT (signature) DO NOTHING"


def use_proof(connection: Connection, signature: str, expires_at: float) -> bool:
    """Use a proof up; False where it was shown before."""
    return connection.execute(_USE, (signature, expires_at)) == 1


def delete_old_proofs(connection: Connection, now: float) -> int:
    """Delete those whose challenge has run out, which counts no more by itself; how many."""
    return connection.execute("DELETE FROM pow_used WHERE expires_at <= ?", (now,))
