"""Surfaces that are served through chat: what their bodies become at the door, and what answers become again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from router.errors import BadRequest, RouterError
from router.surfaces.chat.surface import CHAT
from router.surfaces.embeddings import EMBEDDINGS
from router.surfaces.face import TranslatingFace
from router.surfaces.measuring import Measure
from router.surfaces.proofs import Proof, ProofSealer
from router.surfaces.reader import NativeReader, Reader
from router.surfaces.surface import ServedCall, Surface
from router.types.records import AnyCall, Key, SurfaceCall

__all__ = ["Translated", "TranslatedEmbeddings", "TranslatedSurface", "TranslationRequest"]

_Header = Callable[[str], str | None]


def _no_header(name: str) -> str | None:
    return None


def _message(error: RouterError) -> str:
    return error.message


_UNSEALED = ProofSealer()


@dataclass(frozen=True, slots=True)
class TranslationRequest:
    """What a surface may use to translate a body.

    Attributes:
        key: whose call it is.
        request_id: the call's.
        received_at: Unix seconds.
        header: a request header by its lower-case name; None where the client sent none.
        said: what a client may read of an error.
        proofs: wraps, and opens, what providers want back with their reasoning.
        plugin: gives the kind of the provider that is tried first; empty where there is none.
        query: the first value of each name.
    """

    key: Key
    request_id: str
    received_at: float
    header: _Header = field(default=_no_header, repr=False)
    said: Callable[[RouterError], str] = field(default=_message, repr=False)
    proofs: ProofSealer = field(default=_UNSEALED, repr=False)
    plugin: Callable[[], str] = field(default=str, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def sealed(self, plugin: str, members: Mapping[str, Any], model: str) -> str:
        """What a provider wants back, wrapped for the client to keep.

        Args:
            plugin: kind of the provider that gave it.
            model: that the client asked for; the wrapper is for calls to it alone.
        """
        return self.proofs.seal(Proof(plugin, {**members, "model": model}), self.key.account)

    def opened(self, text: str, model: str) -> Mapping[str, Any] | None:
        """What a wrapper holds, for a call to a model; of another model's or provider's only the ``text``, which all
        may read. None for what is no wrapper of this account's.
        """
        proof = self.proofs.open(text, self.key.account)
        if proof is None:
            return None
        if proof.members.get("model") == model and proof.plugin == self.plugin():
            return {name: value for name, value in proof.members.items() if name != "model"}
        shown = proof.members.get("text")
        return {"text": shown} if isinstance(shown, str) else None


class Translated(NamedTuple):
    """A client's body as a chat call.

    Attributes:
        chat: the chat body, with ``model``, and ``stream`` where the client asked for a stream.
        face: of this call alone: it may keep what the answer must be given back in.
        dropped: fields that do not change the answer asked for, and are not passed on.
        dropped_natively: the same of providers that speak the surface.
        native_only: the refusal by a provider that is asked through chat; None where any can be asked.
        unpriced: the refusal by a provider that speaks the surface, where calls are paid for; None for none.
        unseen_bytes: of what the native lane passes on beyond the chat body, and may count as a prompt.
        finished: gives statements that belong into the transaction of the call's good end; None where there are none.
    """

    chat: dict[str, Any]
    face: TranslatingFace
    dropped: Sequence[str] = ()
    dropped_natively: Sequence[str] = ()
    native_only: BadRequest | None = None
    unpriced: BadRequest | None = None
    unseen_bytes: int = 0
    finished: Callable[[], Sequence[tuple[str, tuple[Any, ...]]]] | None = None

    def check_lane(self, *, native: bool, paid: bool) -> None:
        """Raises:
        BadRequest: a target in this lane cannot be sent the call.
        """
        refusal = (self.unpriced if paid else None) if native else self.native_only
        if refusal is not None:
            raise refusal


class TranslatedSurface(Surface):
    """A surface whose calls any chat provider serves: at the door, its bodies become chat calls.

    Where a provider has the surface's own hook, the client's body is passed on instead (``native``). A surface without
    a hook has no such lane.

    Attributes:
        through: the surface whose calls bodies become.
    """

    hook = ""
    through: Surface = CHAT
    modality = "chat"
    streams = True
    capped = True
    translates = True

    def look(self, body: Mapping[str, Any]) -> Measure:
        """Check and measure the chat call that a body became."""
        found: Measure = self.through.look(body)
        return found

    def seen(self, call: ServedCall, body: Mapping[str, Any]) -> AnyCall:
        """The chat call; a provider that has the hook is sent ``native_call``."""
        return self.through.seen(call, body)

    @abstractmethod
    def translate(self, body: Mapping[str, Any], request: TranslationRequest) -> Translated:
        """The chat call that a body asks for.

        Raises:
            BadRequest: naming the field and the remedy.
        """

    def reader(self, call: ServedCall) -> Reader:
        """What reads chat's answers, for this surface's face."""
        return self.through.reader(call)

    def native_reader(self, call: ServedCall) -> NativeReader:
        """What reads the answers of providers that speak this surface, and is the face of its stream as well.

        A surface without a ``hook`` has no such providers, and needs none.
        """
        raise AssertionError(f"the surface {self.name} names a hook, and has no reader for it")

    def native_call(self, call: ServedCall, body: Mapping[str, Any]) -> SurfaceCall:
        """What the provider's hook is given, with the body that ``native`` made."""
        return SurfaceCall(call.request_id, call.model, body, call.stream, call.include_usage, self.name)

    def native(self, call: ServedCall, chat: Mapping[str, Any], model: str) -> Mapping[str, Any]:
        """The client's body for a provider that speaks this surface itself.

        Args:
            chat: the chat call as that target would have been sent it: with its cap, names bound to the account, and
                without what it must not see.
            model: as the provider knows it.

        Raises:
            BadRequest: this provider cannot be sent it.
        """
        return {**call.source, "model": model}


class TranslatedEmbeddings(TranslatedSurface):
    """A surface whose calls any provider of embeddings serves: its bodies become calls of embeddings, always plain."""

    through = EMBEDDINGS
    modality = "embeddings"
    streams = capped = speaks = False
