"""A surface: one wire that clients speak, with all that the line has to know of it.

Chat and embeddings are the first two. A plugin brings others by its hook ``surface``, as ours come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from router.errors import RouterError
from router.surfaces.body import decode_json
from router.surfaces.face import Face
from router.surfaces.measuring import Measure
from router.surfaces.reader import Reader
from router.types.dialect import Dialect
from router.types.offers import Listed
from router.types.peer import NOBODY, Peer
from router.types.records import AnyCall, Key, SurfaceCall

__all__ = [
    "JSON_HEADERS",
    "PLACE",
    "STREAM_HEADERS",
    "ServedCall",
    "Surface",
    "SurfaceAnswer",
    "SurfaceContext",
    "SurfaceRequest",
    "SurfaceRoute",
    "SurfaceSchema",
]

PLACE = "<model>"
"""What stands for a model's ID in a path of calls; slashes and all."""
JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}
STREAM_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class ServedCall(Protocol):
    """What a surface sees of a call under way.

    Attributes:
        body: as the line passes it on: for a surface that is served through chat, the chat call.
        source: as the client sent it, where that is something else.
        face: how its stream is written.
    """

    @property
    def request_id(self) -> str: ...
    @property
    def key(self) -> Key: ...
    @property
    def model(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...
    @property
    def source(self) -> Mapping[str, Any]: ...
    @property
    def face(self) -> Face: ...
    @property
    def stream(self) -> bool: ...
    @property
    def include_usage(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class SurfaceRequest:
    """A request to one of a surface's routes that are no calls.

    Attributes:
        key: whose it is; checked.
        method, path: in capitals, and without a query.
        arguments: what stands in the path's places.
        query: the first value of each name.
        header: a request header by its lower-case name; None where the client sent none.
        read: reads the whole body, within the gateway's limits.
        models: the models that the key can call, as lists show them.
    """

    key: Key
    method: str
    path: str
    request_id: str
    arguments: Mapping[str, str]
    query: Mapping[str, str]
    header: Callable[[str], str | None] = field(repr=False)
    read: Callable[[], bytes] = field(repr=False)
    peer: Peer = NOBODY
    models: Callable[[], Iterable[Listed]] = field(default=tuple, repr=False)


class SurfaceAnswer(NamedTuple):
    """What such a route answers."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = JSON_HEADERS


@dataclass(frozen=True, slots=True)
class SurfaceContext:
    """What the hook ``surface`` may use.

    Attributes:
        settings: the plugin's own section ``[plugins.NAME]``, of the type that its ``settings()`` hook returned; None
            for a plugin without that hook.
        dialect: the profile's.
    """

    settings: Any
    dialect: Dialect


class SurfaceSchema(NamedTuple):
    """What ``/openapi.json`` says of a surface's calls, or of one of its other routes.

    Attributes:
        operation: the operation's ID, ``createImage``.
        summary: one sentence.
        request: JSON Schema of a body.
        answers: media type -> JSON Schema of a good answer; of a stream, of one of its events.
        example: a body, without ``model``.
        request_type: the body's media type.
        query: of a route: name -> JSON Schema of what a query may say under it.
        kind: of the models that examples name, where that is not the surface's.
        passes: of a surface that is translated: fields that come to a chat under the same name, and in its shape.
        passes_unknown: whether fields that ``request`` does not name do.
    """

    operation: str
    summary: str
    request: Mapping[str, Any]
    answers: Mapping[str, Mapping[str, Any]]
    example: Mapping[str, Any]
    request_type: str = "application/json"
    query: Mapping[str, Mapping[str, Any]] = {}
    kind: str = ""
    passes: Collection[str] = ()
    passes_unknown: bool = False


class SurfaceRoute(NamedTuple):
    """A route of a surface besides its calls: to look at, count, or delete something.

    Attributes:
        path: with places as ``<name>``, one part of the path each; ``<path:name>`` may have slashes.
        serve: gives the answer; runs in the request's greenlet. Raises ``RouterError`` to refuse.
        schema: for ``/openapi.json``; None for one that is not described. Its request is empty where there is no body.
        header: of a route at the path of another, such as the list of models: requests with this header are its. Empty
            for a route of its own.
    """

    method: str
    path: str
    serve: Callable[[SurfaceRequest], SurfaceAnswer]
    schema: SurfaceSchema | None = None
    header: str = ""


class Surface(ABC):
    """One wire.

    Attributes:
        name: in usage rows, logs, plans and settings.
        hook: the provider's hook that serves it; what its calls are asked by. Empty where all are asked through chat.
        modality: the kind that a model's card must be of, and by which its price is complete.
        streams: whether a client may ask for a stream.
        always_streams: whether every answer is passed on as it comes, whatever the client says.
        own_ends: whether its reader, a ``NativeReader``, is the face of its streams, and not the dialect.
        unpaid_fields: fields that ask for something paid on other surfaces, and for nothing here.
        capped: whether an output cap is sent upstream.
        speaks: whether answers use output tokens.
        compiles: whether plugins are asked for a compiled wire.
        reads_json: whether bodies are JSON; else ``read`` decodes them.
        translates: whether a provider without the hook is served through its hook ``chat``.
        key_header, key_argument: where its clients put the key, besides the usual headers: a header by its lower-case
            name, a name of the query; empty for none.
        prefixes: paths below which every error has this surface's shape, calls or not.
        id_header: a header in which clients look for the request's ID, besides ``x-request-id``; empty for none.
        plain_headers, stream_headers: of an answer.
    """

    name: str
    hook: str
    modality: str
    streams: bool = False
    always_streams: bool = False
    own_ends: bool = False
    unpaid_fields: frozenset[str] = frozenset()
    capped: bool = False
    speaks: bool = True
    compiles: bool = False
    reads_json: bool = True
    translates: bool = False
    key_header: str = ""
    key_argument: str = ""
    prefixes: tuple[str, ...] = ()
    id_header: str = ""
    plain_headers: Mapping[str, str] = JSON_HEADERS
    stream_headers: Mapping[str, str] = STREAM_HEADERS

    @abstractmethod
    def paths(self, dialect: Dialect) -> tuple[str, ...]:
        """Where its calls are served, by POST. A path may have one place ``<model>``, slashes and all: what stands
        there is the body's ``model``.
        """

    def read(self, raw: bytes, header: Callable[[str], str | None]) -> dict[str, Any]:
        """The decoded body, where bodies are not JSON.

        Raises:
            BadRequest: it is none.
        """
        return decode_json(raw)

    def serves(self, kind: str, hook: str) -> bool:
        """Whether models of a kind serve it when they are asked by a hook: its own, or ``chat`` if it is translated.

        Args:
            kind: of the card; empty where it is not known.
        """
        return kind in ("", self.modality)

    @abstractmethod
    def look(self, body: Mapping[str, Any]) -> Measure:
        """Check a body, without the fields that are never passed on, and measure it for the bound of its cost.

        Raises:
            BadRequest: naming the field in ``param``.
        """

    def seen(self, call: ServedCall, body: Mapping[str, Any]) -> AnyCall:
        """What plugins see of a call, with the body that they are to see."""
        return SurfaceCall(call.request_id, call.model, body, call.stream, call.include_usage, self.name)

    @abstractmethod
    def reader(self, call: ServedCall) -> Reader:
        """What reads the answers of providers that have the hook, and gives them to the client."""

    def schema(self) -> SurfaceSchema | None:
        """How its calls are described; None for those of the host's own, whose schemas stand elsewhere."""
        return None

    def routes(self) -> Sequence[SurfaceRoute]:
        """What else it serves."""
        return ()

    def error_status(self, dialect: Dialect, error: RouterError) -> int:
        """The HTTP status of an error on its paths."""
        return dialect.error_status(error)

    def error_body(self, dialect: Dialect, error: RouterError, request_id: str) -> Mapping[str, Any]:
        """The JSON body of an error on its paths."""
        return dialect.error_body(error)
