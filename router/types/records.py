"""The records that travel along the line, and that plugins receive and return.

All are immutable unless their docstring says otherwise. Units stand last in a name: ``_s`` seconds, ``_ms``
milliseconds, ``_nano`` nano-units of the balance currency. Token counts are those of OpenAI's API.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from router.config.provider import Timeouts
from router.errors import UpstreamError
from router.money.prices import Price, PriceTier
from router.money.usage import Units, Usage
from router.structs import record
from router.types.keys import Budget, Key, Limits
from router.types.masking import remember

if TYPE_CHECKING:
    from router.types.transport import Transport

__all__ = [
    "OVER_BOUND",
    "UNPRICED_UNIT",
    "AnyCall",
    "Attempt",
    "Budget",
    "CallContext",
    "CallRecord",
    "ChatCall",
    "EmbeddingsCall",
    "Item",
    "Key",
    "Limits",
    "Migration",
    "ModelCard",
    "Price",
    "PriceTier",
    "Reply",
    "SurfaceCall",
    "Units",
    "Usage",
]


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode  # made once, not per item
_decode = json.JSONDecoder(parse_constant=_refuse).decode


@record
@dataclass(frozen=True, slots=True)
class ChatCall:
    """One call to ``/v1/chat/completions``, checked but not changed.

    Attributes:
        request_id: ours, also sent back as ``x-request-id``.
        model: the model ID as the client wrote it.
        body: the decoded JSON body with every field that the client sent. Never change it: copy, then edit.
        stream: whether the client asked for a stream.
        include_usage: whether the client asked for the usage chunk of a stream.
    """

    request_id: str
    model: str
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    include_usage: bool = False


@record
@dataclass(frozen=True, slots=True)
class EmbeddingsCall:
    """One call to ``/v1/embeddings``. ``body`` as in ``ChatCall``."""

    request_id: str
    model: str
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    include_usage: bool = False


@record
@dataclass(frozen=True, slots=True)
class SurfaceCall:
    """One call by a surface other than chat and embeddings, for a provider that speaks it. ``body`` as in ``ChatCall``.

    Attributes:
        surface: its name.
        headers: request headers that belong to the body, by lower-case names; empty where the surface names none.
    """

    request_id: str
    model: str
    body: Mapping[str, Any] = field(repr=False)
    stream: bool = False
    include_usage: bool = False
    surface: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


AnyCall = ChatCall | EmbeddingsCall | SurfaceCall
"""A call as plugins see it."""


class Item:
    """One piece of a reply: the JSON text as it came, parsed only when somebody asks.

    A plain reply is one item, the whole body; a stream is one item per chunk. The text is in OpenAI's shape
    (``chat.completion``, ``chat.completion.chunk`` or the embeddings list), whatever the provider speaks.
    """

    __slots__ = ("_value", "data")

    def __init__(self, data: bytes, value: Any = None) -> None:
        self.data = data
        self._value = value

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Item:
        """An item from a dict, for providers whose wire is not OpenAI's.

        Raises:
            ValueError: a number that JSON cannot hold (NaN, infinity).
        """
        return cls(_encode(value).encode("ascii"), value)

    def json(self) -> Any:
        """The decoded text; decoded once.

        Raises:
            ValueError: the text is not JSON, which has no NaN and no infinity.
        """
        if self._value is None:
            self._value = _decode(self.data.decode(json.detect_encoding(self.data), "surrogatepass"))
        return self._value

    def __repr__(self) -> str:
        return f"Item({len(self.data)} bytes)"


def _no_close() -> None:
    """The default of ``Reply(close=...)``: nothing to release."""


class Reply:
    """What a provider's ``chat`` or ``embeddings`` hook returns: items, and how to stop.

    Args:
        batches: iterates lists of items. All items that arrived together belong in one list: it becomes one write.
        close: releases the upstream; called exactly once, at the end, on an error or on a disconnect. Put clean-up
            here and not in a generator's ``finally``: a generator that was never started runs none.
        read_usage: turns the decoded item that carries a ``usage`` object into a ``Usage``, None when it has none.
        read_error: turns a decoded item with a top-level ``error`` into the exception to raise.
        headers: upstream response headers worth keeping (rate-limit headers), lower-case names.

    ``ended`` turns true when the upstream has said that the stream is over (``[DONE]``). A stream that just stops, with
    neither that nor a ``finish_reason``, was cut.
    """

    def __init__(
        self,
        batches: Iterable[Sequence[Item]],
        *,
        read_usage: Callable[[Any], Usage | None],
        read_error: Callable[[Any], UpstreamError],
        close: Callable[[], None] = _no_close,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.read_usage = read_usage
        self.read_error = read_error
        self.headers = headers or {}
        self.ended = False
        self._batches = iter(batches)
        self._close: Callable[[], None] | None = close

    def __iter__(self) -> Iterator[Sequence[Item]]:
        return self._batches

    def close(self) -> None:
        """Release the upstream. Harmless when called again."""
        close, self._close = self._close, None
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a provider says of one of its models.

    Attributes:
        model: the part of the model ID that the provider knows.
        kind: one of ``router.money.modalities``, such as ``chat`` or ``images``; empty where it is not known.
        owned_by: who made the model, as ``GET /v1/models`` shows it.
        created: Unix seconds; 0 where it is not known.
        context_window: tokens of prompt and output together; None where it is not known.
        max_output: the largest output in tokens; None where it is not known.
        price: list price in USD.
        reasoning: whether the model reasons before it answers.
        prompt_overhead: tokens that the provider adds for each message, and once for the call.
        image_tokens, audio_tokens, file_tokens: the most that one such part can come to; None counts as the window.
        cap_covers_reasoning: whether the client's output cap limits reasoning too.
        capabilities: what it takes besides text, and does besides answering (``CAPABILITIES``); empty where not known.
        unpriced: why there is no price although the provider tells one, for the operator: not paid by tokens alone.
        retires: the day from which it is to be had no more, as ``2027-01-31``; empty where not known.
        tokens_per_byte: the most tokens of one byte of UTF-8; above 1 only where text is rewritten first (NFKC: to 11).
    """

    model: str
    kind: str = "chat"
    owned_by: str = ""
    created: int = 0
    context_window: int | None = None
    max_output: int | None = None
    price: Price | None = None
    reasoning: bool = False
    prompt_overhead: int = 16
    image_tokens: int | None = None
    audio_tokens: int | None = None
    file_tokens: int | None = None
    cap_covers_reasoning: bool = True
    capabilities: tuple[str, ...] = ()
    unpriced: str = ""
    tokens_per_byte: int = 1
    retires: str = ""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a provider hook may use besides the call.

    Attributes:
        provider: the configured name, the first part of the model ID.
        model: the model that the upstream knows.
        settings: this section's settings, of the type that the plugin's ``settings()`` hook returned.
        transport: the HTTP client for this section.
        timeouts: the limits that hold for this call.
        card: what the catalogue knows of the model, the operator's changes included; None outside of a call.
        traceparent: the client's place in its trace (W3C Trace Context), or empty; sent where ``pass_trace`` says so.
        account: ID of the account whose call it is; empty outside of a call, and where calls are compiled: one context
            then serves all accounts. The host sends it to no provider.
        tracestate: what tracers say besides of that place, or empty; sent beside it. Since: 0.3.
    """

    provider: str
    model: str
    settings: Any = field(repr=False)
    transport: Transport = field(repr=False)
    timeouts: Timeouts = field(default=Timeouts())
    card: ModelCard | None = field(default=None, repr=False)
    traceparent: str = ""
    account: str = ""
    tracestate: str = ""

    def mask(self, secret: str) -> None:
        """Keep ``secret`` (a token that was fetched, a session's ID) out of every message, log line and row.

        What the settings hold as ``Secret`` and in ``headers`` is masked already. Less than eight characters are not.
        """
        remember(secret)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of a plugin's own tables. Numbers start at 1 and never change their meaning.

    Attributes:
        number: position in the plugin's sequence.
        title: what it does, in a few words.
        sql: statements for both engines, or one text per engine under ``sqlite`` and ``postgresql``.
    """

    number: int
    title: str
    sql: str | Mapping[str, str]


@record
@dataclass(frozen=True, slots=True)
class Attempt:
    """One upstream call made for a client's call.

    Attributes:
        provider: configured name.
        model: the model that the upstream knows.
        kind: ``ok`` or the kind of failure (``router.errors.KINDS``).
        status: the upstream's HTTP status; None where no answer came.
        latency_ms: until the first item or the failure.
        message: of a failure, what the upstream said, our secrets cut out, at most 300 characters; for operators.
    """

    provider: str
    model: str
    kind: str
    status: int | None
    latency_ms: int
    message: str = ""


OVER_BOUND = "over_bound"
"""The mark of a call whose provider told of more than its bounds allow."""
UNPRICED_UNIT = "unpriced_unit"
"""The mark of a call whose provider told of units, such as images or searches, that its price says nothing of."""


@record
@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is kept of one finished call: the usage row, and what observers (``request_finished``) receive.

    Never a prompt, never an answer, never a secret.

    Attributes:
        request_id: ours.
        created_at: Unix seconds at which the call arrived.
        route: the surface, such as ``chat``.
        account, key: IDs; empty where the key was not known.
        model: the public ID as asked for.
        provider, upstream_model: what served, or the last that was tried; empty where none was.
        status: HTTP status that the client was sent; 499 when it left before an answer.
        ending: ``ok``, ``error``, ``cut`` (a stream that failed after output) or ``disconnect``.
        error_code: ``code`` of the error; empty on success.
        streamed: whether a stream was asked for.
        prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens: as in ``Usage``.
        estimated: the counts are ours, because the upstream gave none.
        latency_ms: from arrival to the last byte.
        first_token_ms: from arrival to the first output; None when there was none.
        attempts: upstream calls, in order.
        cache_write_tokens: as in ``Usage``.
        clamped: the upstream's counts were impossible, and were put within bounds.
        charge_nano: what the account was charged.
        shortfall_nano: what it should have been charged beyond that, had it had the money.
        cost_nano: what the provider charges us; None where its price is not known. Never shown to customers.
        rate_nano: the balance currency's units for one USD, in nano, when the call was priced; 0 where none was used.
        prices: the unit prices of the charge, and where they came from; empty where nothing was priced.
        marks: what an operator should know of the call's usage, words such as ``unpriced_tool``.
        reported: the upstream's own counts, where the call was charged by others.
        reported_model, answer_id: which model the upstream says has answered, and its ID of it; empty: it says none.
        client_request_id: the client's own ``X-Request-ID``; empty where it sent none.
        units: as in ``Usage``.
        client: the client's IP address, for observers; it stands in no usage row.
        traceparent: the client's place in its trace (W3C Trace Context), for observers, too; empty where it sent none.
        tracestate: what tracers say of it besides, for observers, too; empty where there is none. Since: 0.3.
        finish_reasons: why each choice of a chat ended, in their order, as the provider says, for observers, too; empty
            where it says nothing, and of all else. Since: 0.3.
    """

    request_id: str
    created_at: float
    route: str
    account: str
    key: str
    model: str
    provider: str
    upstream_model: str
    status: int
    ending: str
    error_code: str
    streamed: bool
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    estimated: bool
    latency_ms: int
    first_token_ms: int | None
    attempts: tuple[Attempt, ...] = ()
    cache_write_tokens: int = 0
    clamped: bool = False
    charge_nano: int = 0
    shortfall_nano: int = 0
    cost_nano: int | None = None
    rate_nano: int = 0
    prices: Mapping[str, Any] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    reported: Mapping[str, Any] = field(default_factory=dict)
    reported_model: str = ""
    client_request_id: str = ""
    units: Units | None = None
    answer_id: str = ""
    client: str = ""
    traceparent: str = ""
    tracestate: str = ""
    finish_reasons: tuple[str, ...] = ()
