"""What becomes of each field of a wire that is translated: one row a field, for the code, its tests and its page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.errors import BadRequest
from router.surfaces.field_kinds import JsonField, short
from router.surfaces.known_fields import check_field

__all__ = ["FieldRung", "check_ladder", "dropped_by", "ladder_schema", "named_in_a_header"]

_NAMES_MAX, _NAME_MAX = 24, 64
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class FieldRung:
    """One field's rung.

    Attributes:
        name: with dots for what is inside: ``reasoning.summary``.
        rung: ``pass`` (as it came), ``translate`` (under a chat's name, or done by the gateway itself), ``drop`` (left
            out and named in ``x-router-dropped-params``: the answer asked for is the same without it), or ``refuse``
            (400: the answer would be another one).
        note: for the page: into what, why, and what to do instead.
        native: whether it is passed on to a provider that speaks the wire itself; what is not, is named as dropped.
        types: of its value; empty for any. None is always allowed, and is as good as absent.
        harmless: of ``refuse``: values that ask for nothing.
        field: what checks its value, and describes it, in place of ``types``.
    """

    name: str
    rung: str
    note: str
    types: tuple[type, ...] = ()
    harmless: Sequence[Any] = ()
    native: bool = True
    field: JsonField | None = None


def check_ladder(
    body: Mapping[str, Any], ladder: Sequence[FieldRung], shown: Mapping[type, str], before: str = ""
) -> None:
    """See that a body's fields are of their types, and that none asks for what cannot be done.

    Args:
        shown: types in words.
        before: what stands before each name, where the body is a part of another: ``requests[0].``.

    Raises:
        BadRequest: naming the field, and what to do.
    """
    for rung in ladder:
        value = _at(body, rung.name)
        if value is None:
            continue
        if rung.rung == "refuse" and not any(_same(value, one) for one in rung.harmless):
            name = f"{before}{rung.name}"
            raise BadRequest(f"'{name}' cannot be honoured here: {rung.note}", code="unsupported_parameter", param=name)
    _check_types(body, ladder, shown, before)


def _check_types(
    body: Mapping[str, Any], ladder: Sequence[FieldRung], shown: Mapping[type, str], before: str = ""
) -> None:
    """See that a body's fields are of their types.

    Args:
        shown: types in words.
        before: as in ``check_ladder``.

    Raises:
        BadRequest: naming the field.
    """
    for rung in ladder:
        value = _at(body, rung.name)
        if value is None or rung.rung == "refuse":
            continue
        name = f"{before}{rung.name}"
        if rung.field is not None:
            check_field(name, value, rung.field)
        elif rung.types and (not isinstance(value, rung.types) or (isinstance(value, bool) and bool not in rung.types)):
            wanted = " or ".join(shown[one] for one in rung.types)
            raise BadRequest(f"'{name}' must be {wanted}, not {short(value)}.", code="invalid_type", param=name)


def dropped_by(body: Mapping[str, Any], ladder: Sequence[FieldRung]) -> list[str]:
    """Names of the fields of a body that are dropped."""
    return [rung.name for rung in ladder if rung.rung == "drop" and _at(body, rung.name) is not None]


def ladder_schema(ladder: Sequence[FieldRung], required: Sequence[str] = (), **shapes: Any) -> dict[str, Any]:
    """JSON Schema of the bodies that ``check_ladder`` lets in.

    Args:
        required: names of fields that must be there.
        shapes: of fields of which more is checked elsewhere, or nothing here.
    """
    found: dict[str, Any] = {"type": "object", "properties": {}}
    for rung in ladder:
        place, (*outer, name) = found, rung.name.split(".")
        for one in outer:
            place = place["properties"][one]
        note = {"refuse": "Refused: ", "drop": "Dropped: "}.get(rung.rung, "") + rung.note
        shape = shapes.get(rung.name) or _shape(rung)
        place.setdefault("properties", {})[name] = {"description": note, **shape}
    return found | ({"required": list(required)} if required else {})


def _shape(rung: FieldRung) -> dict[str, Any]:
    if rung.rung == "refuse":
        return {"enum": [None, *rung.harmless]}
    if rung.field is not None:
        return rung.field.json_schema()
    return {"type": [*(_JSON_TYPES[one] for one in rung.types), "null"]} if rung.types else {}


def _same(value: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where true is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


def _at(body: Any, path: str) -> Any:
    get: Callable[[Any, str], Any] = lambda value, name: value.get(name) if isinstance(value, Mapping) else None  # noqa: E731
    for name in path.split("."):
        body = get(body, name)
    return body


def named_in_a_header(names: Iterable[str]) -> tuple[str, ...]:
    """The names as a header can hold them: clients make up as many as they like, and as long."""
    found = [name if len(name) <= _NAME_MAX else f"{name[:_NAME_MAX]}..." for name in names]
    more = len(found) - _NAMES_MAX
    return (*found[:_NAMES_MAX], f"and {more} more") if more > 0 else tuple(found)
