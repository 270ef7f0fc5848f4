"""Providers' keys at rest: kept in the database, encrypted under the operator's master key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.config.provider import Secret
from router.db.transaction import Transaction
from router.errors import BadRequest, ConfigError
from router.office.actor import Actor
from router.office.audit import Change, write
from router.office.office import Office, provider_of
from router.store.provider_keys import load_provider_keys, remove_provider_key, store_provider_key
from router.store.sealing import MASTER_KEY, check_master_key

if TYPE_CHECKING:
    from router.config.file import Settings
    from router.db.transaction import Runner
    from router.providers.configured import ConfiguredProvider, StoredKeys

__all__ = [
    "MASTER_KEY",
    "StoredProviderKey",
    "check_master_key_of",
    "forget_key",
    "forget_keys",
    "master_key_problem",
    "place_of_key",
    "store_key",
    "stored_keys",
]

_HINT = 4
_HINTED_LEAST = 16  # four characters of a shorter key would be too much of it
_STORED = "database"
_KEY = re.compile(r"[!-~]{1,4096}", re.ASCII)  # what a header can carry


@dataclass(frozen=True, slots=True)
class StoredProviderKey:
    """A key that was stored, without its text.

    Attributes:
        endpoint: number of the provider's endpoint, from 1; 0 for the provider itself.
        winner: what gives a key as well, and wins over this one; empty for nothing.
    """

    provider: str
    endpoint: int
    winner: str = ""


def stored_keys(settings: Settings, database: Runner) -> StoredKeys:
    """The providers' keys in the database. Raises ``StoreError``: it does not answer, or has no tables."""
    return load_provider_keys(database, settings.secret(f"env:{MASTER_KEY}"))


def place_of_key(office: Office, name: str, endpoint: int = 0) -> ConfiguredProvider:
    """The provider whose key is to be stored or forgotten.

    Raises:
        NotFound: there is no such provider; names the nearest.
        BadRequest: it has no such endpoint.
    """
    provider = provider_of(office.providers, name)
    count = len(provider.settings.endpoints)
    if endpoint > count:
        raise BadRequest(f"The provider {name!r} has {count} endpoint(s): there is none with the number {endpoint}.")
    return provider


def check_master_key_of(office: Office) -> Secret:
    """The operator's master key.

    Raises:
        ConfigError: there is none, or it is too short.
    """
    master = office.settings.secret(f"env:{MASTER_KEY}")
    check_master_key(master)
    return master


def master_key_problem(settings: Settings) -> str:
    """Why nothing can be sealed; empty where the master key will do."""
    try:
        check_master_key(settings.secret(f"env:{MASTER_KEY}"))
    except ConfigError as error:
        return error.message
    return ""


def store_key(office: Office, actor: Actor, name: str, endpoint: int, text: str) -> StoredProviderKey:
    """Keep a provider's key, in place of the one that was stored before. A worker sees it when it begins anew.

    Raises:
        NotFound: there is no such provider; names the nearest.
        BadRequest: it has no such endpoint, or the text is no key.
        ConfigError: there is no master key, or it is too short.
    """
    provider = place_of_key(office, name, endpoint)
    if not _KEY.fullmatch(text):
        raise BadRequest("That is no key: one line of letters, digits and signs, without blanks, is expected on stdin")
    master = check_master_key_of(office)
    stored = StoredProviderKey(name, endpoint, _winner(office, provider, endpoint))

    def keep(transaction: Transaction) -> Change[StoredProviderKey]:
        store_provider_key(transaction, name, endpoint, text, master)
        hint = text[-_HINT:] if len(text) >= _HINTED_LEAST else ""
        return Change(stored, name, {"endpoint": endpoint or None, "hint": hint})

    return write(office, actor, "providers set-key", keep)


def forget_key(office: Office, actor: Actor, name: str, endpoint: int) -> None:
    """Forget a stored key.

    Raises:
        NotFound: there is no such provider, or none of its keys is stored.
        BadRequest: it has no such endpoint.
    """
    place_of_key(office, name, endpoint)

    def forget(transaction: Transaction) -> Change[None]:
        remove_provider_key(transaction, name, endpoint)
        return Change(None, name, {"endpoint": endpoint or None, "remove": True})

    write(office, actor, "providers set-key", forget)


def forget_keys(office: Office, actor: Actor, name: str) -> int:
    """Forget all stored keys of a provider that is no more; how many there were, which may be none."""

    def forget(transaction: Transaction) -> Change[int]:
        numbers = transaction.connection.tuples("SELECT endpoint FROM provider_keys WHERE provider = ?", (name,))
        for (number,) in numbers:
            remove_provider_key(transaction, name, number)
        return Change(len(numbers), name, {"stored_keys": len(numbers)}, made=bool(numbers))

    return write(office, actor, "providers remove", forget)


def _winner(office: Office, provider: ConfiguredProvider, endpoint: int) -> str:
    """Where a key is given that wins over the stored one; empty where none is."""
    path = f"providers.{provider.name}"
    secret: Secret = provider.settings.api_key
    if endpoint:
        secret = provider.settings.endpoints[endpoint - 1].api_key
        path += f".endpoints.{endpoint - 1}"
    if not secret or secret.source == _STORED:
        return ""
    if secret.source.startswith("env:"):
        return f"the environment ({secret.source.removeprefix('env:').replace('|', ' or ')})"
    return office.settings.where(f"{path}.api_key")
