"""What an operator sets for a provider: the record behind a section ``[providers.NAME]``, and its parts.

Units: timeouts are in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from router.money.modalities import MODALITIES

__all__ = [
    "CAPABILITIES",
    "Endpoint",
    "ModelFacts",
    "ModelTimeouts",
    "ProviderSettings",
    "Secret",
    "Timeouts",
    "secrets_in",
]

SECONDS = {"min": 0, "max": 366 * 86_400}
"""The range of a duration; clocks of the operating system refuse what is far above it."""
CAPABILITIES = ("images", "audio", "files", "tools", "reasoning")
"""What a model can take besides text, and do besides answering."""
TOKENS = {"min": 1, "max": 2**40}


class Secret:
    """Text that never shows itself: ``repr``, ``str`` and ``format`` give ``***``, only ``reveal()`` gives the text.

    It is no ``str``, so what joins, encodes or logs text refuses it instead of showing it. ``source`` is what the
    configuration said (``env:OPENAI_API_KEY``), so that a message can name what to set. An unset environment variable
    makes an empty, and therefore false, secret.
    """

    __slots__ = ("_text", "source")

    def __init__(self, text: str = "", source: str = "") -> None:
        self._text = text
        self.source = source

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret('***')" if self else "Secret('')"

    def __str__(self) -> str:
        return "***" if self else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def secrets_in(record: Any) -> Iterator[str]:
    """The texts of all ``Secret`` fields of a settings record, in the records, lists and tables in it too."""
    if isinstance(record, Secret):
        if record:
            yield record.reveal()
    elif is_dataclass(record):
        for one in fields(record):
            yield from secrets_in(getattr(record, one.name))
    elif isinstance(record, Mapping):
        for value in record.values():
            yield from secrets_in(value)
    elif isinstance(record, (tuple, list)):
        for value in record:
            yield from secrets_in(value)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits on one upstream call, in seconds; None means no limit of that kind, or that of the model.

    Attributes:
        connect: name look-up, TCP and TLS together.
        first_byte: from the request being sent to the first byte of the response. Unset, it follows the model: 600 s
            where it reasons or is not known, else 60 s for a stream, while a plain reply has until ``whole``.
        idle: between two reads of a response's body. Unset, it follows the model: 600 s where it reasons or is not
            known, else 60 s.
        whole: from the start of the call to the last byte, for replies that are not streamed.
    """

    connect: float | None = field(default=5.0, metadata=SECONDS)
    first_byte: float | None = field(default=None, metadata=SECONDS)
    idle: float | None = field(default=None, metadata=SECONDS)
    whole: float | None = field(default=600.0, metadata=SECONDS)


@dataclass(frozen=True, slots=True)
class ModelTimeouts:
    """Limits of one model, in seconds; one that is unset is the section's.

    Attributes:
        connect, first_byte, idle, whole: as in ``Timeouts``.
    """

    connect: float | None = field(default=None, metadata=SECONDS)
    first_byte: float | None = field(default=None, metadata=SECONDS)
    idle: float | None = field(default=None, metadata=SECONDS)
    whole: float | None = field(default=None, metadata=SECONDS)

    def over(self, limits: Timeouts) -> Timeouts:
        """``limits`` with what is set here in their place."""
        own = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        return replace(limits, **own)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """``[providers.NAME.models.MODEL]``: what a model can do and costs, where the plugin's own list does not say it.

    Attributes:
        kind: one of ``chat``, ``embeddings``, ``completions``, ``moderations``, ``rerank``, ``images``, ``speech`` and
            ``transcriptions``; any of them where unset.
        context_window: tokens of prompt and output together.
        max_output: the largest output in tokens.
        image_tokens, audio_tokens, file_tokens: the most tokens that one such part of a message can come to; where
            unset, it counts as the whole window.
        capabilities: of ``images``, ``audio``, ``files``, ``tools`` and ``reasoning``, as ``router models show`` shows
            them.
        cost: what the provider charges us, in USD per million tokens: ``{ input = "0.50", output = "1.50" }``. Where no
            price is set, calls are charged it times ``[billing] markup``.
        retires: the day from which it is to be had no more, as ``2027-01-31``; shown to customers, and nothing else.
    """

    kind: str = field(default="", metadata={"one_of": ("", *MODALITIES)})
    context_window: int | None = field(default=None, metadata=TOKENS)
    max_output: int | None = field(default=None, metadata=TOKENS)
    image_tokens: int | None = field(default=None, metadata=TOKENS)
    audio_tokens: int | None = field(default=None, metadata=TOKENS)
    file_tokens: int | None = field(default=None, metadata=TOKENS)
    capabilities: tuple[str, ...] = ()
    cost: Mapping[str, Any] = field(default_factory=dict)
    retires: str = ""


@dataclass(frozen=True)
class Endpoint:
    """``[[providers.NAME.endpoints]]``: one of several places of a provider; unset fields are the section's.

    Attributes:
        base_url: where it is.
        api_key: its own key.
        weight: its share of the load, against the others' weights.
        max_concurrent: calls that one worker has under way there; 0 for no limit.
    """

    base_url: str = ""
    api_key: Secret = field(default=Secret())
    weight: int = field(
        default=1,
        metadata={"min": 1, "max": 1_000_000, "remedy": ": take an endpoint out of use by removing it"},
    )
    max_concurrent: int = field(default=0, metadata={"min": 0, "max": 1_000_000})


@dataclass(frozen=True)
class ProviderSettings:
    """The settings of a section ``[providers.NAME]``. A plugin with more returns a subclass from ``settings()``.

    Attributes:
        kind: the plugin that serves this section; the section's own name where unset.
        api_key: ``"env:NAME"`` reads the environment, ``"env:A|B"`` the first of these that is set; plain text is
            accepted, with a warning from ``router doctor``.
        base_url: where the upstream is; the plugin's own default where unset.
        transport: ``native`` goes straight to the upstream; ``requests`` goes through the HTTP proxy that the variables
            ``HTTPS_PROXY`` and ``HTTP_PROXY`` name, unless ``NO_PROXY`` exempts the upstream, and trusts
            ``REQUESTS_CA_BUNDLE``.
        timeouts: limits in seconds.
        on_disconnect: ``drain`` reads an abandoned stream to its end for its usage, ``cancel`` closes it.
        headers: fixed request headers for this upstream, set by the operator alone.
        models: models that this section serves besides the plugin's own list: a list of names, or a table of each,
            which says what the model can do and costs.
        unlisted: whether model IDs that are on no list are passed on; where unset, only if there is no list at all.
        fallback: model IDs to try, in this order, when a call here fails before any output.
        drop_params: request fields that are not passed on; the response names them in ``x-router-dropped-params``.
        drop_params_for: the same for single models: upstream's model -> fields.
        cap_params: names of the output cap that this upstream obeys, such as ``["max_tokens"]``: the cap is sent under
            each of them and under no other; where unset, those that the plugin knows, which are
            ``max_completion_tokens`` and ``max_tokens`` for ``compatible``.
        timeouts_for: limits of single models: upstream's model -> limits; those that are unset are ``timeouts``.
        max_concurrent: calls that one worker has under way here; 0 for no limit.
        max_connections: connections that one worker opens to this upstream.
        max_reply_bytes: the largest plain reply, or single event of a stream, that is read.
        endpoints: several places that share the load, by weight.
        pass_trace: whether this upstream is sent the client's ``traceparent``, in which the call's own span stands, and
            its ``tracestate``; such calls are made one by one, without the compiled head.
    """

    kind: str = ""
    api_key: Secret = field(default=Secret())
    base_url: str = ""
    transport: str = field(default="native", metadata={"one_of": ("native", "requests")})
    timeouts: Timeouts = field(default=Timeouts())
    on_disconnect: str = field(default="drain", metadata={"one_of": ("drain", "cancel")})
    headers: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, ModelFacts] = field(default_factory=dict, metadata={"names": True})
    unlisted: bool | None = None
    fallback: tuple[str, ...] = ()
    drop_params: tuple[str, ...] = ()
    drop_params_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cap_params: tuple[str, ...] = ()
    timeouts_for: Mapping[str, ModelTimeouts] = field(default_factory=dict)
    max_concurrent: int = field(default=0, metadata={"min": 0, "max": 1_000_000})
    max_connections: int = field(default=1000, metadata={"min": 1, "max": 60_000})
    max_reply_bytes: int = field(default=64 * 2**20, metadata={"min": 1024, "max": 2**31})
    endpoints: tuple[Endpoint, ...] = ()
    pass_trace: bool = False

    def lacks_hooks(self) -> frozenset[str]:
        """Names of the plugin's hooks that this section's upstream has no use for; none unless a plugin says so."""
        return frozenset()

    def missing(self) -> str | None:
        """What an operator must still set before this provider can serve; None when it is ready."""
        if self.api_key.source.startswith("env:") and not self.api_key:
            names = self.api_key.source.removeprefix("env:").split("|")
            return f"set the environment variable {' or '.join(names)}"
        return None
