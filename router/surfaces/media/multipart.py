"""Forms with files (``multipart/form-data``): what they hold, as a body that the line can pass on."""

from __future__ import annotations

from collections.abc import Callable, Collection
from io import BytesIO
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from router.errors import BadRequest, TooLarge
from router.types.upload import UploadedFile

__all__ = ["files_of", "read_form"]

_PARTS_MAX = 100
_TEXTS_MAX = 2**20
_DIGITS_MAX = 18


def read_form(raw: bytes, header: Callable[[str], str | None], numbers: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a form: texts, and files as ``UploadedFile``; a list where a name comes more than once.

    Args:
        header: a request header by its lower-case name; None where the client sent none.
        numbers: fields that are whole numbers; texts that are none stay texts, for whoever checks them.

    Raises:
        BadRequest: it is no form.
        TooLarge: more parts, or more text, than a form may have.
    """
    kind, options = parse_options_header(header("content-type"))
    boundary = options.get("boundary", "")
    if kind.lower() != "multipart/form-data" or not boundary:
        shown = f"'{kind}'" if kind and len(kind) < 64 and kind.isprintable() else "none"
        message = (
            f"This route takes a form: send Content-Type multipart/form-data with its boundary, not {shown}, as "
            "`curl -F` and OpenAI's SDKs do."
        )
        raise BadRequest(message, code="invalid_content_type")
    try:
        parser = MultiPartParser(_in_memory, max_form_memory_size=_TEXTS_MAX, max_form_parts=_PARTS_MAX)
        texts, files = parser.parse(BytesIO(raw), boundary.encode("latin-1", "replace"), len(raw))
    except RequestEntityTooLarge:
        message = f"The form holds more than {_PARTS_MAX} parts, or more than {_TEXTS_MAX} bytes beside its files."
        raise TooLarge(message) from None
    except (ValueError, LookupError):
        message = "The form cannot be read: its parts do not fit the boundary, or have broken headers."
        raise BadRequest(message, code="invalid_form") from None
    body: dict[str, Any] = {}
    for name, text in texts.items(multi=True):
        whole = name in numbers and text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
        _add(body, name or "", int(text) if whole else text)
    for name, file in files.items(multi=True):
        data = file.stream.getvalue() if isinstance(file.stream, BytesIO) else file.stream.read()
        _add(body, name or "", UploadedFile(file.filename or "", file.content_type or "", data))
    return body


def files_of(body: dict[str, Any] | Any, name: str) -> list[UploadedFile]:
    """The files under a name, or under ``name[]`` as forms write lists; at least one.

    Raises:
        BadRequest: there is none, it is empty, or something there is no file.
    """
    found: list[Any] = []
    for key in (name, f"{name}[]"):
        value = body.get(key)
        found += value if isinstance(value, list) else [] if value is None else [value]
    if not found:
        message = f"'{name}' is required: add the file to the form as its part '{name}', with a file name."
        raise BadRequest(message, code="missing_required_parameter", param=name)
    for one in found:
        if not isinstance(one, UploadedFile):
            message = f"'{name}' must be a file: give its part of the form a file name."
            raise BadRequest(message, code="invalid_type", param=name)
        if not one.data:
            raise BadRequest(f"'{name}' is an empty file.", code="invalid_value", param=name)
    return found


def _in_memory(*_: Any, **__: Any) -> BytesIO:
    """Where a file's bytes go: the whole body is in memory already."""
    return BytesIO()


def _add(body: dict[str, Any], name: str, value: Any) -> None:
    if name not in body:
        body[name] = value
    elif isinstance(body[name], list):
        body[name].append(value)
    else:
        body[name] = [body[name], value]
