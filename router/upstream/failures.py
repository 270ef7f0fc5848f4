"""What an upstream's error answer means: any of the known body shapes -> one record -> a kind.

Sources: the documented error bodies of OpenAI, Anthropic, Gemini (array-wrapped), Mistral, xAI (flat), Ollama and
OpenRouter.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from router.types.masking import masked

__all__ = [
    "Failure",
    "failure_of",
    "in_full",
    "is_too_large",
    "kind_of",
    "parse_failure",
    "printable",
    "wait_hint_s",
    "without_secrets",
]

_MESSAGE_LIMIT = 1000
_WORD_LIMIT = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_BILLING = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_usage_limit_exceeded",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
    }
)
_CONTENT = ("content_policy", "content_filter", "moderation")
_CONTEXT = re.compile(
    r"maximum (?:context|prompt) length|exceeded model token limit|input token length too long|prompt is too long"
    r"|exceeds? (?:the |model'?s? )?(?:available |maximum )?context (?:length|window|size)",
    re.IGNORECASE,
)
"""How upstreams without a code for it say that a prompt is too long: DeepSeek and vLLM, xAI, Moonshot, llama.cpp."""
_ACCOUNT = re.compile(r"\b(?:org-|proj_|ak-)(?=[A-Za-z]*\d)[A-Za-z0-9]{6,}\b", re.ASCII)
"""The IDs of organisations, projects and keys that OpenAI and Moonshot put into what they say of their limits."""
_SECONDS = re.compile(r"(?:^|(?<=,))\s*(\d{1,12}(?:\.\d{1,9})?)\s*(?=,|$)", re.ASCII)
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?"  # ISO 8601, which some send
    r"|[A-Z][a-z]{2,8},? \d\d?[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d(?: (?:[A-Z]{1,5}|[+-]\d{4}))?"  # RFCs
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}",  # asctime
    re.ASCII,
)
_TOO_LARGE = re.compile(
    r"\brequest (?:is |was )?too large\b|\binput or output tokens must be reduced\b"
    r"|\blong context requests\b|\bsingle request\b|\btoo many tokens in (?:this|the|your) request",
    re.IGNORECASE,
)
_REQUESTED = re.compile(r"\blimit:? (\d[\d,]*)\b(?!.{0,40}\bused\b).{0,40}?\brequested:? (\d[\d,]*)", re.IGNORECASE)
_BY_STATUS: Mapping[int, str] = {
    401: "auth",
    402: "billing",
    403: "auth",
    404: "not_found",
    408: "timeout",
    409: "overloaded",
    425: "overloaded",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An upstream's error, whatever shape it came in.

    Attributes:
        status: of the response; 200 for an error inside a stream or a 200.
        text: of an answer that is no JSON, how it begins; for operators.
        body: the object that the rest was read from, as it came: for a plugin to judge by, never shown to clients.
    """

    status: int
    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    text: str = field(default="", repr=False, compare=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def is_too_large(failure: Failure) -> bool:
    """Whether what reads as a rate limit is about the size of this one request, which no waiting cures."""
    words = failure.message[:_MESSAGE_LIMIT]
    asked = _REQUESTED.search(words)
    if asked is not None and int(asked[2].replace(",", "")) > int(asked[1].replace(",", "")):
        return True
    return _TOO_LARGE.search(words) is not None


def in_full(failure: Failure) -> str:
    """All that the upstream said, for an operator: its words for the kind, and its message."""
    words = " ".join(filter(None, (failure.type, failure.code)))
    return ": ".join(filter(None, (words, failure.message or failure.text))) or "no reason was given"


def parse_failure(status: int, body: bytes) -> Failure:
    """The error in a response's body; HTML, empty and broken bodies give a ``Failure`` without a message."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return Failure(status, text=printable(body[:_MESSAGE_LIMIT].decode("utf-8", "replace")))
    return failure_of(value, status)


def failure_of(value: Any, status: int = 200) -> Failure:
    """The error in decoded JSON: a list's first element, ``error`` as an object or as text, or a flat body."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return Failure(status)
    error = value.get("error")
    if isinstance(error, dict):
        return _from(error, status)
    if isinstance(error, str):
        return Failure(status, printable(error), _word(value.get("type")), _word(value.get("code")), body=value)
    detail = value.get("detail")
    if isinstance(detail, str):
        return Failure(status, printable(detail), body=value)
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return _of_validation(detail[0], value, status)
    return _from(value, status)


def kind_of(failure: Failure) -> str:
    """The default kind: by code where one is known to decide, else by status."""
    words = {failure.code, failure.type}
    if words & _BILLING:
        return "billing"
    if "context_length_exceeded" in words:
        return "context_length"
    if any(word.startswith(_CONTENT) for word in words):
        return "content"
    if failure.status in (200, 400, 422) and _CONTEXT.search(failure.message):
        return "context_length"
    if failure.status == 200:
        return _inside_200(failure)
    if failure.status in _BY_STATUS:
        return _BY_STATUS[failure.status]
    if failure.status >= 500:
        return "server"
    return "bad_request" if 400 <= failure.status < 500 else "malformed"


def wait_hint_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """How long the upstream asks us to wait: ``retry-after-ms``, or ``Retry-After`` in seconds or as an HTTP date.

    A header that came twice, or was joined on the way (``30, 30``), counts by its longest wait; one that cannot be read
    does not hide the other.
    """
    waits = [float(text) / 1000 for text in _SECONDS.findall(headers.get("retry-after-ms", ""))]
    if waits:
        return max(waits)
    text = headers.get("retry-after", "")
    if dates := _DATE.findall(text):
        moments = [moment for moment in map(_moment, dates) if moment is not None]
        now = time.time() if now is None else now
        return max((max(0.0, moment - now) for moment in moments), default=None)
    return max(map(float, _SECONDS.findall(text)), default=None)


def _moment(date: str) -> float | None:
    """Unix seconds of a date in a header; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(date) if date[:4].isdigit() else email.utils.parsedate_to_datetime(date)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def without_secrets(failure: Failure, secrets: Iterable[str]) -> Failure:
    """The upstream's words without our secrets, should it repeat them, and without the IDs of our account there."""
    hidden = list(secrets)

    def clean(text: str) -> str:
        return masked(_ACCOUNT.sub("***", text), hidden)

    return replace(
        failure,
        message=clean(failure.message),
        type=clean(failure.type),
        code=clean(failure.code),
        param=None if failure.param is None else clean(failure.param),
        text=clean(failure.text),
    )


def printable(text: str) -> str:
    """One line of bounded length, so that an upstream cannot write lines into a log or a header."""
    return _CONTROL.sub(" ", text).strip()[:_MESSAGE_LIMIT]


def _from(error: Mapping[str, Any], status: int) -> Failure:
    message = error.get("message")
    param = error.get("param")
    details = error.get("details")
    code = _word(error.get("code"))
    return Failure(
        status,
        printable(message) if isinstance(message, str) else "",
        _word(error.get("type")),
        code or (_word(details.get("error_code")) if isinstance(details, Mapping) else ""),
        printable(param) if isinstance(param, str) else None,
        body=error,
    )


def _of_validation(first: Mapping[str, Any], body: Mapping[str, Any], status: int) -> Failure:
    """The first of FastAPI's complaints: ``{"loc": ["body", "messages", 0], "msg": ..., "type": ...}``."""
    place = first.get("loc")
    steps = [str(step) for step in (place if isinstance(place, list) else ()) if step != "body"]
    param = printable(".".join(steps)) or None
    return Failure(status, printable(str(first.get("msg", ""))), _word(first.get("type")), param=param, body=body)


def _word(value: Any) -> str:
    """``code`` and ``type`` are texts, numbers or absent, depending on who answers. They reach rows and logs."""
    return printable(str(value))[:_WORD_LIMIT] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _inside_200(failure: Failure) -> str:
    """An error that came without a status of its own; some upstreams put the status into ``code``."""
    if failure.code.isascii() and failure.code.isdigit() and 400 <= int(failure.code[:4]) < 600:
        return kind_of(Failure(int(failure.code), failure.message, failure.type, ""))
    words = f"{failure.type} {failure.code}"
    if "rate_limit" in words:
        return "rate_limit"
    if "overloaded" in words:
        return "overloaded"
    return "bad_request" if failure.type == "invalid_request_error" else "server"
