"""Where a request becomes a call: its body read, translated where its surface is served through chat, and measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from router.calls.call import ActiveCall
from router.calls.request import Incoming
from router.charging.plan import Plans
from router.errors import RouterError
from router.guarding.guards import Guards
from router.surfaces.body import decode_json
from router.surfaces.chat.mixed import chat_shaped
from router.surfaces.chat.surface import CHAT
from router.surfaces.known_fields import NOT_OURS, dropped_fields, model_of, passed_on
from router.surfaces.proofs import ProofSealer
from router.surfaces.surface import Surface
from router.surfaces.translated import Translated, TranslatedSurface, TranslationRequest
from router.surfaces.uploads import Uploads
from router.types.dialect import Dialect
from router.types.records import CallRecord, Key

__all__ = ["Intake"]


class Intake:
    """Takes calls in. One per worker.

    Args:
        drain_s: how long an upstream is read on after its client left.
        finished: receives each call, exactly once, when it is over.
        plans: tells where calls go.
        proofs: wraps what providers want back with their reasoning.
        guards: look at the texts of calls.
    """

    def __init__(
        self,
        dialect: Dialect,
        uploads: Uploads,
        drain_s: float,
        finished: Callable[[ActiveCall, CallRecord], None],
        *,
        plans: Plans,
        proofs: ProofSealer,
        guards: Guards,
    ) -> None:
        self._dialect = dialect
        self._uploads = uploads
        self._drain_s = drain_s
        self._finished = finished
        self._plans = plans
        self._proofs = proofs
        self._guards = guards

    def large_body(
        self, surface: Surface, key: Key, incoming: Incoming, size: int | None
    ) -> tuple[bytes, dict[str, Any]]:
        """A body that is read only where there is room for it, and decoded."""
        with self._uploads.begin(key, size) as note:
            raw = incoming.read_body(note)
            return raw, decode_json(raw) if surface.reads_json else surface.read(raw, incoming.header)

    def call(self, surface: Surface, key: Key, body: Mapping[str, Any], incoming: Incoming) -> ActiveCall:
        """The call that a decoded body asks for.

        Raises:
            BadRequest: naming the field.
        """
        dropped: Sequence[str] = ()
        translated, source = None, body
        if surface.translates:
            translated = self._translated(surface, key, body, incoming)
            body, dropped = translated.chat, translated.dropped
        else:
            if surface is CHAT and ("messages" not in body or "tools" in body):
                body, dropped = chat_shaped(body)
            if not NOT_OURS.isdisjoint(body):
                dropped, body = [*dropped, *dropped_fields(body)], passed_on(body)
        guarding = None
        if self._guards.any:
            guarding = self._guards.of(incoming.request_id, surface, key, body, incoming.peer.address)
        if guarding is not None:
            body, surface = guarding.request(body), guarding.surface(surface)
            translated = translated and translated._replace(chat=dict(body))
        found = surface.look(body)
        if translated is not None:
            found.text_bytes += translated.unseen_bytes
        active = ActiveCall(
            incoming.request_id,
            surface,
            key,
            body,
            found,
            self._dialect,
            incoming.peer,
            received_at=incoming.received_at,
            started=incoming.started,
            drain_s=self._drain_s,
            finished=self._finished,
            client_request_id=incoming.client_request_id,
            translated=translated,
            source=source,
        )
        active.stripped_params = dropped
        if guarding is not None:
            active.guarding = guarding
            guarding.attach(active)
        return active

    def _translated(self, surface: Surface, key: Key, body: Mapping[str, Any], incoming: Incoming) -> Translated:
        """The chat call that a body of a surface becomes which is served through chat."""
        assert isinstance(surface, TranslatedSurface)
        model = model_of(body)
        request = TranslationRequest(
            key,
            incoming.request_id,
            incoming.received_at,
            incoming.header,
            self._dialect.said,
            self._proofs,
            partial(self._plugin_of, key, surface, model),
            incoming.query_values if incoming.query else {},
        )
        return surface.translate(body, request)

    def _plugin_of(self, key: Key, surface: Surface, model: str) -> str:
        """The kind of the provider that a call goes to first; empty where it cannot be made, as it will be told."""
        try:
            return self._plans.of(key, surface, model).targets[0].kind
        except RouterError:
            return ""
