"""What Google's errors mean: ``google.rpc.Status`` with its ``details`` (``QuotaFailure``, ``RetryInfo``, ...)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from router.upstream import Failure

__all__ = ["kind_of_failure", "retry_delay_s"]

_BAD_KEY = re.compile(r"API key (?:not valid|not found|expired)|API_KEY_INVALID", re.IGNORECASE)
_TOO_LONG = re.compile(r"input token count\b.*\bexceeds the maximum", re.IGNORECASE)
_BILL = re.compile(r"plan and billing|billing", re.IGNORECASE)
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s", re.ASCII)
_CANCELLED = 499


def kind_of_failure(failure: Failure) -> str | None:
    """The kind that the status alone does not tell; None where it does."""
    status = int(failure.code) if failure.status == 200 and failure.code in ("400", "429", "499") else failure.status
    if status == 429:
        return _kind_of_limit(failure)
    if status == _CANCELLED:
        return "server"
    if status != 400:
        return None
    reasons = [str(detail.get("reason", "")) for detail in _details(failure)]
    if _BAD_KEY.search(" ".join([failure.message, *reasons])):
        return "auth"
    if failure.body.get("status") == "FAILED_PRECONDITION":
        return "billing"  # no free tier in this region, or billing is off
    return "context_length" if _TOO_LONG.search(failure.message) else None


def retry_delay_s(failure: Failure) -> float | None:
    """Seconds until the limit is free again: ``RetryInfo.retryDelay`` (``"34.602s"``)."""
    for detail in _details(failure):
        match = _DELAY.fullmatch(str(detail.get("retryDelay", "")))
        if match is not None:
            return float(match[1])
    return None


def _kind_of_limit(failure: Failure) -> str:
    """A limit per minute passes; one per day, or an unpaid bill, does not. All may stand in one answer."""
    quotas = [
        str(violation.get("quotaId", ""))
        for detail in _details(failure)
        if isinstance(detail.get("violations"), list)
        for violation in detail["violations"]
        if isinstance(violation, dict)
    ]
    if quotas:
        return "billing" if any("PerDay" in quota for quota in quotas) else "rate_limit"
    unpaid = _BILL.search(failure.message) and retry_delay_s(failure) is None
    return "billing" if unpaid else "rate_limit"


def _details(failure: Failure) -> Iterator[dict[str, Any]]:
    details = failure.body.get("details")
    yield from (detail for detail in (details if isinstance(details, list) else ()) if isinstance(detail, dict))
