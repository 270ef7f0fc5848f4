"""OpenAI's content parts -> Anthropic's content blocks (``ContentBlockParam``: text, image, document)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from router import BadRequest

__all__ = ["Block", "blocks_of", "refused", "text_block"]

Block = dict[str, Any]

_HEAD_MAX = 256  # characters of a data URL before its data
_HEAD = re.compile(r"data:([^;,]+)(?:;[^,]*)?;base64", re.IGNORECASE)
_LINK = re.compile(r"https?://", re.IGNORECASE)
_TEXTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Type of a part that is text -> the field that holds it."""


def blocks_of(content: Any, where: str) -> list[Block]:
    """The blocks of a message's ``content``. Parts in Anthropic's own shape are passed on as they are.

    Text that is empty or all white space is left out: Anthropic refuses it.

    Raises:
        BadRequest: naming the part: one that has no equivalent, or is broken.
    """
    if not isinstance(content, list):
        return text_block(content) if isinstance(content, str) else []
    return [block for index, part in enumerate(content) for block in _blocks(part, f"{where}[{index}]")]


def text_block(text: str) -> list[Block]:
    """A block of text; none where there is none."""
    return [{"type": "text", "text": text}] if text.strip() else []


def refused(where: str, problem: str, code: str) -> BadRequest:
    """The refusal of a request for what is wrong at ``where``."""
    return BadRequest(f"'{where}' {problem}.", code=code, param=where)


def _blocks(part: Mapping[str, Any], where: str) -> Iterator[Block]:
    kind = part["type"]
    if kind in _TEXTS:
        text = part.get(_TEXTS[kind])
        if not isinstance(text, str):
            raise refused(f"{where}.{_TEXTS[kind]}", "must be a string", "invalid_type")
        rest = {name: value for name, value in part.items() if name not in ("type", _TEXTS[kind])}
        yield from (block | rest for block in text_block(text))
    elif kind == "image_url":
        yield {"type": "image", "source": _image(part.get("image_url"), f"{where}.image_url")} | _cached(part)
    elif kind == "file":
        yield _document(part.get("file"), f"{where}.file") | _cached(part)
    elif kind == "input_audio":
        raise refused(where, "must not be audio: Anthropic takes text, images and documents", "unsupported_content")
    else:
        yield dict(part)


def _data_url(text: str) -> tuple[str, str] | None:
    """Media type and data of a data URL in base64; None where it is none. Its head is looked at alone."""
    comma = text.find(",", 0, _HEAD_MAX)
    match = _HEAD.fullmatch(text, 0, comma) if comma > 0 else None
    return None if match is None else (match[1].lower(), text[comma + 1 :])


def _cached(part: Mapping[str, Any]) -> Block:
    return {"cache_control": part["cache_control"]} if "cache_control" in part else {}


def _image(image: Any, where: str) -> Block:
    url = image.get("url") if isinstance(image, dict) else image
    text = url if isinstance(url, str) else ""
    found = _data_url(text)
    if found is not None:
        return {"type": "base64", "media_type": found[0], "data": found[1]}
    if _LINK.match(text):
        return {"type": "url", "url": text}
    raise refused(where, 'must be a data URL ("data:image/png;base64,...") or an https URL', "invalid_value")


def _document(file: Any, where: str) -> Block:
    """A PDF, or plain text. Files by ID are kept at OpenAI, where Anthropic cannot read them."""
    given = file if isinstance(file, dict) else {}
    data = given.get("file_data")
    text = data if isinstance(data, str) else ""
    media_type, content = _data_url(text) or ("", "")
    source: Block
    if media_type == "application/pdf":
        source = {"type": "base64", "media_type": media_type, "data": content}
    elif media_type.startswith("text/"):
        decoded = _plain(content, f"{where}.file_data")
        source = {"type": "text", "media_type": "text/plain", "data": decoded}
    else:
        problem = 'must hold a PDF or plain text as a data URL ("data:application/pdf;base64,...")'
        raise refused(f"{where}.file_data", problem, "unsupported_content")
    title = given.get("filename")
    return {"type": "document", "source": source} | ({"title": title} if isinstance(title, str) and title else {})


def _plain(data: str, where: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise refused(where, "must be UTF-8 text in base64", "invalid_value") from None
