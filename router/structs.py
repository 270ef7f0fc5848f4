"""Records of which every call makes some: a frozen dataclass's contract at the price of a C struct."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

import msgspec

__all__ = ["record"]

T = TypeVar("T")
_KEPT = frozenset(
    {"__dataclass_fields__", "__dataclass_params__", "__doc__", "__eq__", "__hash__", "__match_args__", "__repr__"}
)
"""What a dataclass makes of itself, and its record keeps: comparison, text without what is not to be shown, fields."""


def record(cls: type[T]) -> type[T]:
    """The frozen dataclass ``cls`` again, its instances built in C and no business of the garbage collector.

    ``dataclasses.replace``, ``fields`` and ``asdict`` work on them, ``repr`` leaves out what the class leaves out, and
    a change raises ``AttributeError``. For records of plain values: one that holds an object which holds the record
    would never be freed.
    """
    described = [(one.name, Any, _default(one)) for one in fields(cls)]  # type: ignore[arg-type]
    names = {name for name, _, _ in described}
    own = {
        name: value
        for name, value in vars(cls).items()
        if name in _KEPT or not (name in names or (name.startswith("__") and name.endswith("__")))
    }
    made: Any = msgspec.defstruct(
        cls.__name__, described, namespace=own, module=cls.__module__, frozen=True, gc=False, eq=False
    )
    made.__qualname__ = cls.__qualname__
    made.__annotations__ = dict(cls.__annotations__)
    return made  # type: ignore[no-any-return]


def _default(one: Any) -> Any:
    if one.default_factory is not MISSING:
        return msgspec.field(default_factory=one.default_factory)
    return msgspec.NODEFAULT if one.default is MISSING else one.default
