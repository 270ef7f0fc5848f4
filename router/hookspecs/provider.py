"""The hooks of a plugin that serves models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

from router.errors import UpstreamError
from router.types.records import AnyCall, CallContext, ChatCall, EmbeddingsCall, ModelCard, Reply, SurfaceCall
from router.types.request_rules import RequestRules
from router.types.transport import Request, ResponseHead

if TYPE_CHECKING:
    from router.upstream.compiled import CallWire

__all__ = ["ProviderSpecs"]

hookspec = pluggy.HookspecMarker("router")


class ProviderSpecs:
    """For a plugin that serves models."""

    @hookspec
    def chat(self, call: ChatCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send a chat call upstream and return its reply: one item for a plain call, one per chunk for a stream.

        Return as soon as the upstream has accepted the call; the reply's iterator does the reading. Nothing here may
        block the event loop: all I/O goes through ``context.transport``.

        Args:
            call: checked, and never to be changed; ``call.stream`` says which kind of reply is wanted.
            context: the model that the upstream knows, this section's settings, the transport and the limits.

        Raises:
            UpstreamError: of the kind that the failure has (``router.errors.KINDS``), here or from the iterator.

        Called: addressed, once per attempt. Since: 0.1.
        """

    @hookspec
    def embeddings(self, call: EmbeddingsCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send an embeddings call upstream; as ``chat``, always one item.

        A provider without this hook does not offer embeddings, and the client is told so.

        Called: addressed, once per attempt. Since: 0.1.
        """

    @hookspec
    def responses(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send a call by OpenAI's Responses API upstream: its body as the client sent it, its events as they come.

        One item for a plain answer; for a stream one item per event, which is the JSON text of the event's data. The
        host has set the model and what is the operator's to say (``store``, names bound to the account, the cap).
        A provider without this hook is asked by ``chat``, for what the call means there.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def messages(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send a call by Anthropic's Messages API upstream; as ``responses``.

        ``call.headers`` has the client's ``anthropic-version`` and ``anthropic-beta``, which belong to the body.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def completions(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send a call by OpenAI's legacy completions upstream; as ``chat``, each chunk of a stream with its ``text``.

        Asked for models of the kind ``completions`` alone; chat models serve such calls by ``chat``.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def moderations(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send what is to be judged upstream; one item, an object with ``results``.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def rerank(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Send documents to be ranked upstream; one item, an object with ``results``.

        Its usage has ``units.searches`` where the provider counts them; else one is charged for each 100 documents.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def images(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Have images made upstream; one item, an object with ``data``. Its usage has ``units.images``.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def image_edits(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Have images changed upstream; as ``images``. Files in ``call.body`` have ``name``, ``type`` and ``data``.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def speech(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Have a text spoken upstream: each item's ``data`` is a piece of the audio, as it comes.

        ``Reply.headers`` has the answer's ``content-type``.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def transcriptions(self, call: SurfaceCall, context: CallContext) -> Reply:  # type: ignore[empty-body]
        """Have audio written down upstream; one item, JSON or, where the client asks for it, plain text.

        ``call.body["file"]`` has ``name``, ``type`` and ``data``; ``Reply.headers`` has the answer's ``content-type``.
        Its usage has ``units.milliseconds`` where the provider tells of them; else the file's own length counts.

        Called: addressed, once per attempt. Since: 0.2.
        """

    @hookspec
    def compiled(self, kind: str, context: CallContext) -> CallWire | None:
        """What all calls of one kind to one model at one endpoint have in common, done beforehand.

        The wire says the same as ``chat`` or ``embeddings``, which stay, and are asked where there is none. The base
        class of OpenAI's wire has this hook, and gives none where a subclass overrides the hook itself or ``send``. A
        wire that lacks a member of ``CallWire``, or has one of another type, is named in the log and not used.

        Args:
            kind: ``chat`` or ``embeddings``.
            context: the model, the endpoint's settings, the transport. Its limits are not those of a call.

        Returns:
            None where each call must be asked for.

        Called: addressed, at the first call of that kind to a model at an endpoint. Since: 0.2.
        """

    @hookspec
    def fallback(  # type: ignore[empty-body]
        self, call: AnyCall, error: UpstreamError, context: CallContext
    ) -> Sequence[str]:
        """Model IDs to try after this provider failed, best first; empty gives up.

        Targets that the key may not use, or that do not exist, are skipped.

        Called: addressed to the provider that failed, after the operator's own targets, only for failures that allow
        another target and before any output. Since: 0.1.
        """

    @hookspec
    def models(self, context: CallContext) -> Iterable[ModelCard]:  # type: ignore[empty-body]
        """The models that this provider serves: IDs, list prices, context windows, bounds.

        Data that ships with the plugin: no I/O. ``context.model`` is empty.

        Called: addressed, at start and when the catalogue is read. Since: 0.1.
        """

    @hookspec
    def list_models(self, context: CallContext) -> Iterable[ModelCard]:  # type: ignore[empty-body]
        """The models that the upstream says it has now: asked over the network, through ``context.transport``.

        ``context.model`` is empty; what the upstream does not tell stays unset in a card, its ``kind`` empty.

        Raises:
            UpstreamError: the upstream could not be asked.

        Called: addressed, by ``router models sync``, never for a call. Since: 0.1.
        """

    @hookspec
    def request_rules(self, context: CallContext) -> RequestRules:  # type: ignore[empty-body]
        """What this provider's requests may hold: names of the output cap that it obeys, fields that cost more or that
        choose who serves, members of messages that it knows.

        Data that ships with the plugin: no I/O. ``context.model`` is empty. The host keeps to it before ``chat`` and
        ``embeddings`` see a call; without this hook both of OpenAI's caps are sent, and unknown fields pass.

        Called: addressed, once at start. Since: 0.1.
        """

    @hookspec
    def sign(self, request: Request, context: CallContext) -> Request:  # type: ignore[empty-body]
        """The request as it is to go out: with a signature over its method, URL, headers and body, or a token.

        It is asked with what the transport would send, last of all, and again for each sending of it: a signature that
        holds the time is never sent twice. Give back the same request, or another (``dataclasses.replace``); do not
        touch ``timeouts`` and ``sent``. What it fetches it fetches through ``context.transport``, whose requests are
        not signed; a token goes to ``context.mask`` first.

        Raises:
            UpstreamError: nothing can be sent; the next target is tried as after any failure of that kind.

        Called: addressed, before each sending of a request. Since: 0.2.
        """

    @hookspec
    def unauthorized(self, request: Request, response: ResponseHead, context: CallContext) -> bool:  # type: ignore[empty-body]
        """The upstream answered 401: whether to send the request once more, signed anew (a token has run out).

        Args:
            request: as it was sent.
            response: status and headers; the body is not read.

        Called: addressed, after a first 401 to a request. Since: 0.2.
        """

    @hookspec
    def response_headers(  # type: ignore[empty-body]
        self, headers: Mapping[str, str], context: CallContext
    ) -> Mapping[str, str]:
        """What the client is to see of the upstream's response headers: a request ID, limits that are left.

        Return no more than what is meant for everybody who calls: names of the host's own (``x-router-…``,
        ``x-request-id``), and those that say how the body is sent, are left out.

        Args:
            headers: of a response that is a success; lower-case names.

        Called: addressed, once for each attempt that was answered with 200. Since: 0.2.
        """
