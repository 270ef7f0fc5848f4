"""Providers' keys in the database, encrypted: for operators who would rather not keep them in the environment."""

from __future__ import annotations

import time
from dataclasses import dataclass

from router.config.provider import Secret
from router.db.connection import Connection
from router.db.transaction import Runner
from router.errors import ConfigError, NotFound
from router.store.sealing import seal, unseal

__all__ = [
    "StoredKey",
    "keyed_providers",
    "load_provider_keys",
    "remove_provider_key",
    "store_provider_key",
    "stored_since",
]

_UPSERT = """
INSERT INTO provider_keys (provider, endpoint, ciphertext, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT (provider, endpoint) DO UPDATE SET ciphertext = excluded.ciphertext, created_at = excluded.created_at
"""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A stored key, or why it cannot be read.

    Attributes:
        key: empty where there is a problem.
        problem: what is wrong and what to do; empty where nothing is.
    """

    key: Secret
    problem: str = ""


def store_provider_key(database: Runner, provider: str, endpoint: int, key: str, master: Secret) -> None:
    """Keep a key, in place of the one that was stored before.

    Args:
        provider: the section's name.
        endpoint: number of its endpoint, from 1; 0 for the section itself.
        master: the master key.

    Raises:
        ConfigError: there is no master key, or it is too short.
    """
    row = (provider, endpoint, seal(key, master, _purpose(provider, endpoint)), time.time())
    database.write(lambda connection: connection.execute(_UPSERT, row))


def remove_provider_key(database: Runner, provider: str, endpoint: int) -> None:
    """Forget a key.

    Raises:
        NotFound: none is stored.
    """

    def remove(connection: Connection) -> None:
        sql = "DELETE FROM provider_keys WHERE provider = ? AND endpoint = ?"
        if not connection.execute(sql, (provider, endpoint)):
            place = f"endpoint {endpoint} of {provider!r}" if endpoint else f"{provider!r}"
            raise NotFound(f"No key is stored for {place}.", code="provider_key_not_found")

    database.write(remove)


def keyed_providers(database: Runner) -> set[str]:
    """The providers for which a key is stored."""
    rows = database.read(lambda connection: connection.rows("SELECT provider FROM provider_keys"), whole=False)
    return {row["provider"] for row in rows}


def load_provider_keys(database: Runner, master: Secret) -> dict[tuple[str, int], StoredKey]:
    """(Provider, endpoint's number) -> its stored key. Takes about 50 ms for each."""
    rows = database.read(
        lambda connection: connection.rows("SELECT provider, endpoint, ciphertext FROM provider_keys"), whole=False
    )
    return {(row["provider"], row["endpoint"]): _opened(row, master) for row in rows}


def stored_since(database: Runner, provider: str) -> dict[int, float]:
    """Number of an endpoint of a provider, 0 for the provider itself -> when its key was stored, Unix seconds."""
    sql = "SELECT endpoint, created_at FROM provider_keys WHERE provider = ? ORDER BY endpoint"
    return dict(database.read(lambda connection: connection.tuples(sql, (provider,)), whole=False))


def _opened(row: dict[str, object], master: Secret) -> StoredKey:
    purpose = _purpose(str(row["provider"]), int(str(row["endpoint"])))
    try:
        return StoredKey(Secret(unseal(str(row["ciphertext"]), master, purpose), "database"))
    except ConfigError as error:
        return StoredKey(Secret(), f"its stored key cannot be read: {error.message}")


def _purpose(provider: str, endpoint: int) -> str:
    return f"provider key {endpoint} {provider}"
