"""Every error that the gateway raises on purpose, as one tree.

    RouterError                500  server_error           internal_error
    +-- BadRequest             400  invalid_request_error  (by cause)
    +-- Unauthorized           401  invalid_request_error  invalid_api_key
    +-- InsufficientQuota      402  insufficient_quota     insufficient_quota
    |   +-- BudgetExceeded     402  insufficient_quota     key_budget_exceeded
    +-- Forbidden              403  invalid_request_error  (by cause)
    +-- NotFound               404  invalid_request_error  (by cause)
    |   +-- ModelNotFound      404  invalid_request_error  model_not_found
    |       +-- ModelNotPriced 404  invalid_request_error  model_not_priced
    +-- MethodNotAllowed       405  invalid_request_error  method_not_allowed
    +-- RequestTimeout         408  invalid_request_error  request_timeout
    +-- Conflict               409  invalid_request_error  (by cause)
    +-- TooLarge               413  invalid_request_error  request_too_large
    +-- RateLimited            429  rate_limit_error       rate_limit_exceeded
    +-- UpgradeRequired        426  invalid_request_error  upgrade_not_offered
    +-- Unavailable            503  server_error           (by cause)
    +-- UpstreamError          by its kind, see KINDS
    +-- ConfigError            exit status 1: what is wrong in the configuration, where, and the remedy
    +-- StoreError             503  server_error           database_unavailable

The three columns are the HTTP status, ``type`` and ``code`` of the JSON body that a client sees; a dialect may
render them in a shape of its own. Messages are written for the person who has to act on them and never hold a secret.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = [
    "FAULTS",
    "KINDS",
    "BadRequest",
    "BudgetExceeded",
    "ConfigError",
    "Conflict",
    "Forbidden",
    "InsufficientQuota",
    "Kind",
    "MethodNotAllowed",
    "ModelNotFound",
    "ModelNotPriced",
    "NotFound",
    "RateLimited",
    "RequestTimeout",
    "RouterError",
    "StoreError",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UpgradeRequired",
    "UpstreamError",
    "faults",
]


FAULTS = (Exception, SystemExit)
"""What code of a plugin raises as it is loaded, and must harm nobody else: ``sys.exit()`` would end the worker."""


def faults() -> tuple[type[BaseException], ...]:
    """The same of code that serves, for ``except``: a plugin's own ``gevent.Timeout``, which is no ``Exception``, would
    leave its call unanswered and unsettled.
    """
    gevents = sys.modules.get("gevent.timeout")  # who has not loaded it cannot have set a time limit
    return FAULTS if gevents is None else (*FAULTS, gevents.Timeout)


class RouterError(Exception):
    """The root of the tree; raised itself only for a fault of ours.

    Args:
        message: what was wrong, where, and what to do.
        code: a stable machine-readable word; the class's own where omitted.
        param: the request field at fault, in dotted form (``messages[2].role``).
        headers: extra response headers (``Retry-After``).
        detail: the same for the operator, who may know what a client may not: it stands in the log, and in no answer.

    ``about`` is whose request it was, as far as that is known: ``account``, ``key``, ``model``. ``recorded`` turns true
    when the error has ended a call and stands in its row and log line.
    """

    status: int = 500
    type: str = "server_error"
    code: str | None = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.about: dict[str, str] = {}
        self.param = param
        self.headers: dict[str, str] = dict(headers or {})
        self.recorded = False
        if code is not None:
            self.code = code

    @property
    def in_full(self) -> str:
        """What an operator may read of it."""
        return self.detail or self.message

    @property
    def is_outage(self) -> bool:
        """Whether a provider failed, and neither the request nor the gateway: see ``UpstreamError``."""
        return False


class BadRequest(RouterError):
    """The request cannot be served as it is; sending it again will not help."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class Unauthorized(RouterError):
    """No key, or one that is malformed, unknown, disabled, revoked or expired.

    Attributes:
        reason: which of these: ``missing``, ``malformed``, ``unknown``, ``disabled``, ``revoked`` or ``expired``. The
            last three have codes of their own (``api_key_expired``).
    """

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"

    def __init__(self, message: str, *, reason: str = "unknown", **details: Any) -> None:
        super().__init__(message, **details)
        self.reason = reason


class InsufficientQuota(RouterError):
    """The account's balance does not cover what the call could cost.

    Attributes:
        needed_nano, available_nano: what it could cost, and what there is, in nano-units of ``currency``.
        currency: the balance currency; empty where it is not known.
    """

    status = 402
    type = "insufficient_quota"
    code = "insufficient_quota"

    def __init__(
        self, message: str, *, needed_nano: int = 0, available_nano: int = 0, currency: str = "", **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.headers.setdefault("x-should-retry", "false")
        self.needed_nano = needed_nano
        self.available_nano = available_nano
        self.currency = currency


class BudgetExceeded(InsufficientQuota):
    """The key's own budget does not cover what the call could cost, whatever the account has."""

    code = "key_budget_exceeded"


class Forbidden(RouterError):
    """The key is good, but may not do this."""

    status = 403
    type = "invalid_request_error"
    code = "forbidden"


class NotFound(RouterError):
    """No such path or resource."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class ModelNotFound(NotFound):
    """No route for the model ID; the message names the nearest ones, or else where all are listed.

    The command line, which lists them by a command of its own, puts that in place of ``listed_at``.
    """

    code = "model_not_found"
    listed_at = "GET /v1/models lists what there is."


class ModelNotPriced(ModelNotFound):
    """The model is there, but has no price, and nothing is served that could not be charged."""

    code = "model_not_priced"


class MethodNotAllowed(RouterError):
    """The path exists, the method on it does not."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class UpgradeRequired(RouterError):
    """The client asks for another protocol, such as a WebSocket, where only plain HTTP is spoken."""

    status = 426
    type = "invalid_request_error"
    code = "upgrade_not_offered"


class RequestTimeout(RouterError):
    """The client took longer to send its request than the server waits."""

    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class TooLarge(RouterError):
    """The body is above ``[gateway] max_body_bytes``, before or after decompression."""

    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class Conflict(RouterError):
    """The request contradicts an earlier one (an ``Idempotency-Key`` with another body, a reference used twice)."""

    status = 409
    type = "invalid_request_error"
    code = "conflict"


class RateLimited(RouterError):
    """A limit of the key or its account is reached; ``Retry-After`` says when to come again.

    Attributes:
        retry_after_s: whole seconds; None where waiting does not help.
    """

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after_s: int | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after_s = retry_after_s
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)


class Unavailable(RouterError):
    """The gateway cannot serve now, and may again soon (starting, draining, overloaded)."""

    status = 503
    code = "unavailable"


class StoreError(Unavailable):
    """The database did not answer in time, or refused. Its message names the database's place: it is for the log."""

    code = "database_unavailable"

    def for_clients(self) -> StoreError:
        """The same without the database's words, hosts and paths."""
        shown = StoreError(
            "The gateway's database does not answer, and nothing can be made durable; calls are refused until it does.",
            headers={"Retry-After": "5"},
        )
        shown.recorded = self.recorded
        return shown


class ConfigError(RouterError):
    """The configuration is wrong. ``str(error)`` names the file, the line or key, and the remedy."""

    code = "invalid_configuration"


class Kind(NamedTuple):
    """What a kind of upstream failure means by default.

    Attributes:
        status: HTTP status shown to our client.
        type: ``type`` of the error body.
        code: ``code`` of the error body where the upstream gave none that may be shown.
        falls_back: whether the next target is tried, as long as no output went out.
        unhealthy: whether the failure counts against the endpoint's health.
    """

    status: int
    type: str
    code: str
    falls_back: bool
    unhealthy: bool


KINDS: Mapping[str, Kind] = {
    "connection": Kind(502, "upstream_error", "upstream_connection", True, True),
    "timeout": Kind(504, "upstream_error", "upstream_timeout", True, True),
    "server": Kind(502, "upstream_error", "upstream_server_error", True, True),
    "overloaded": Kind(503, "upstream_error", "upstream_overloaded", True, True),
    "malformed": Kind(502, "upstream_error", "upstream_malformed", True, True),
    "rate_limit": Kind(429, "rate_limit_error", "upstream_rate_limited", True, True),
    "auth": Kind(502, "upstream_error", "upstream_auth", True, True),
    "billing": Kind(502, "upstream_error", "upstream_billing", True, True),
    "bad_request": Kind(400, "invalid_request_error", "invalid_request", False, False),
    "not_found": Kind(404, "invalid_request_error", "model_not_found", False, False),
    "context_length": Kind(400, "invalid_request_error", "context_length_exceeded", False, False),
    "content": Kind(400, "invalid_request_error", "content_policy_violation", False, False),
}
"""Every kind of upstream failure. A plugin picks the kind; the HTTP status is only the default mapping."""

_WAIT_MAX_S = 86_400.0
_FINAL = frozenset({"auth", "billing"})  # a client's retry cannot cure our key or our bill


class UpstreamError(RouterError):
    """A provider failed. The kind decides what the client sees and whether another target may be tried.

    Args:
        kind: one of ``KINDS``.
        message: safe to show to the client.
        provider: the provider's configured name.
        upstream_status: HTTP status that the provider answered with; None where no answer came.
        detail: what the provider said, for the operator alone; our secrets are to be cut out.
        status: the status for our client where it differs from the kind's (a 413 or 422 that is passed on).
        retry_after_s: seconds that the provider asked us to wait; a number that is no wait (infinite, not a number)
            counts as none, and more than a day as a day. What the client is told is no longer than the provider's rest.

    Raises:
        ValueError: there is no such kind.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        provider: str | None = None,
        upstream_status: int | None = None,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        detail: str = "",
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"there is no kind of failure {kind!r}; the kinds are {', '.join(KINDS)}")
        row = KINDS[kind]
        super().__init__(message, code=code or row.code, param=param, detail=detail)
        self.kind = kind
        self.provider = provider
        self.upstream_status = upstream_status
        self.retry_after_s: float | None = None
        self._wait(_wait_s(retry_after_s))
        self.status = status or row.status
        self.type = type or row.type
        if kind in _FINAL:
            self.headers["x-should-retry"] = "false"

    def wait_at_most(self, wait_s: float) -> None:
        """Cut the wait that the provider asked for, should it be longer."""
        if self.retry_after_s is not None and self.retry_after_s > wait_s:
            self._wait(wait_s)

    def _wait(self, wait_s: float | None) -> None:
        self.retry_after_s = wait_s
        if wait_s is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(wait_s)))

    @property
    def is_outage(self) -> bool:
        """Whether the provider failed, and not the request.

        Other targets are tried after such a failure: one that a client sees before any output was that of the last.
        """
        return KINDS[self.kind].falls_back


def _wait_s(asked_s: float | None) -> float | None:
    if asked_s is None or not math.isfinite(asked_s):
        return None
    return min(max(asked_s, 0.0), _WAIT_MAX_S)
