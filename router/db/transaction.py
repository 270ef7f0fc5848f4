"""What runs functions on a connection: a database, or a transaction of one that is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from router.db.connection import Connection

__all__ = ["Runner", "Transaction"]

T = TypeVar("T")


class Runner(Protocol):
    """What the functions of tables work with, so that they can be put together into one transaction.

    Attributes:
        place: how messages call the database.
    """

    @property
    def place(self) -> str: ...

    def read(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, whole: bool = True) -> T:
        """Run a function that only reads; as ``Database.read``."""
        ...

    def write(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, behind: bool = False) -> T:
        """Run a function that writes; as ``Database.write``."""
        ...


class Transaction:
    """A database within one writing transaction: what reads and writes with it is a part of that, and ends with it.

    Args:
        connection: the transaction's.
        place: how messages call the database.
    """

    def __init__(self, connection: Connection, place: str) -> None:
        self.connection = connection
        self.place = place

    def read(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, whole: bool = True) -> T:
        """What the function gives, which sees what the transaction has done so far."""
        return function(self.connection)

    def write(self, function: Callable[[Connection], T], *, timeout_s: float | None = None, behind: bool = False) -> T:
        """What the function gives; nothing is committed here."""
        return function(self.connection)
