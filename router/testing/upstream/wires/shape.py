"""What there is to know of a provider's wire: its replies, its usage object, its documented errors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from router.testing.upstream.connection import ReceivedRequest
from router.testing.upstream.scripts import Answer, Script
from router.testing.upstream.server import Handler, ScriptedUpstream
from router.testing.upstream.wire import ToolCall
from router.types.records import Usage

__all__ = ["LATE_ERROR", "ErrorRow", "Replies", "Wire"]


class Replies(Protocol):
    """A builder of good replies: a ``chat.completion`` or a stream of chunks, in the provider's own shape."""

    def __call__(
        self, *words: str, reasoning: Sequence[str] = (), tool_calls: Sequence[ToolCall] = (), **delivery: Any
    ) -> Script: ...


@dataclass(frozen=True)
class ErrorRow:
    """One documented error.

    Attributes:
        name: a few words, unique within the wire.
        status: HTTP status; 200 for an error inside a success.
        body: JSON as a dict, or the bytes themselves.
        kind: what the plugin should make of it (``router.errors.KINDS``).
        shown: the client's status where it is not the kind's.
        wait_s: seconds that the error says to wait; None where it does not.
        headers: response headers.
    """

    name: str
    status: int
    body: Any
    kind: str
    shown: int | None = None
    wait_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> Answer:
        """The error as a script for the upstream."""
        return Answer(self.body, status=self.status, headers=self.headers)


LATE_ERROR: Mapping[str, Any] = {"error": {"message": "The model crashed.", "type": "server_error", "code": None}}
"""An error in the middle of a stream, as OpenAI's wire has it."""


@dataclass(frozen=True)
class Wire:
    """One provider's wire. The rules of ``router.testing.conformance`` play it to the plugin of the same name.

    Attributes:
        name: of the plugin.
        model: one of the provider's models.
        counts: the usage that ``plain`` and ``stream`` report, in the gateway's meaning.
        plain: a reply that is not streamed.
        stream: a reply as a stream.
        errors: the documented errors.
        openai_shaped: whether replies are OpenAI's completions and chunks, with whatever fields of their own.
        base_path: what the base URL has below the host.
        settings: what a section needs besides ``base_url`` and ``api_key``; ``{origin}`` at the beginning of a text
            stands for the upstream's scheme, host and port.
        late_error: an event that is an error, in the middle of a stream: a dict or bytes.
        uncounted: arguments with which ``plain`` and ``stream`` leave the usage out; None where they cannot. Not
            needed where ``openai_shaped``.
        embedding_model: one of the provider's embedding models; empty where its embeddings are not scripted.
        prepare: has an upstream answer everything that is not scripted; by default it answers as OpenAI would.
        lacks: what the upstream does not have at all, of ``reasoning``, ``tools`` and ``streams``.
        places: request field -> where the upstream has it (``options.num_predict``, names joined by dots), where that
            is not its own name at the top.
        unknown_at: where request fields go that ``places`` does not name, those that nobody has heard of among them;
            empty for the top of the body.
        auth: what is wrong with a request's credentials, given our key; empty where nothing is. By default the key
            stands in a header; a wire that signs its requests, or has tokens, looks by itself.
        endpoints: path -> answer of what the upstream has besides its API, such as where a token is fetched. Such
            requests are no calls: no rule counts them or looks at them.
        no_upstream: why there is nothing to play, where the plugin asks no upstream.
        spoken: hook -> wire of a surface that the upstream speaks beside chat. Of ``responses`` and ``messages`` it is
            OpenAI's and Anthropic's own where nothing is said; errors are those of this wire where that names none.
    """

    name: str
    model: str
    counts: Usage
    plain: Replies
    stream: Replies
    errors: Sequence[ErrorRow]
    openai_shaped: bool = True
    base_path: str = "/v1"
    settings: Mapping[str, Any] = field(default_factory=dict)
    late_error: Any = field(default_factory=lambda: LATE_ERROR)
    uncounted: Mapping[str, Any] | None = None
    embedding_model: str = ""
    prepare: Callable[[ScriptedUpstream], None] | None = None
    lacks: Collection[str] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    unknown_at: str = ""
    auth: Callable[[ReceivedRequest, str], str] | None = None
    endpoints: Mapping[str, Script | Handler] = field(default_factory=dict)
    no_upstream: str = ""
    spoken: Mapping[str, Wire] = field(default_factory=dict)
