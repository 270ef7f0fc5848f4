"""The calls of a soak: good ones on every surface, and as many ways for one to go wrong."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["BAD", "GOOD", "KINDS", "Kind", "unexpected"]

MESSAGES = [{"role": "user", "content": "one two three four five six seven eight"}]
CHAT: dict[str, Any] = {"model": "acme/talk", "messages": MESSAGES, "max_tokens": 40}
SAID = {"model": "acme/talk", "input": "one two three four", "max_output_tokens": 40}
ASKED = {"model": "acme/talk", "max_tokens": 40, "messages": MESSAGES}
STREAMED = {"stream": True}


class Kind(NamedTuple):
    """One kind of call.

    Attributes:
        path, body: of the request; a body of bytes is sent as it is.
        leaves: whether its client goes away after the first bytes of the answer, or before them where it is ``early``.
        statuses: what the client may be told.
        type: of the body.
        key: in place of the client's own; ``poor`` for that of an account without credit.
    """

    path: str
    body: Any
    statuses: tuple[int, ...] = (200,)
    leaves: str = ""
    type: str = "application/json"
    key: str = ""


def _sound() -> bytes:
    kept = io.BytesIO()
    with wave.open(kept, "wb") as written:
        written.setparams((1, 2, 8000, 0, "NONE", ""))
        written.writeframes(bytes(16000))
    return kept.getvalue()


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nacme/ear\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    + _sound()
    + b"\r\n--b--\r\n"
)


def _says(word: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "messages": [{"role": "user", "content": f"one two {word}"}]}


GOOD = {
    "chat": Kind("/v1/chat/completions", CHAT),
    "chat stream": Kind("/v1/chat/completions", CHAT | STREAMED),
    "completions": Kind("/v1/completions", {"model": "acme/write", "prompt": "one two three", "max_tokens": 20}),
    "completions stream": Kind(
        "/v1/completions", {"model": "acme/write", "prompt": "one two three", "max_tokens": 20} | STREAMED
    ),
    "embeddings": Kind("/v1/embeddings", {"model": "acme/embed", "input": ["a", "b"]}),
    "responses": Kind("/v1/responses", SAID),
    "responses stream": Kind("/v1/responses", SAID | STREAMED),
    "messages": Kind("/v1/messages", ASKED),
    "messages stream": Kind("/v1/messages", ASKED | STREAMED),
    "count_tokens": Kind("/v1/messages/count_tokens", {"model": "acme/talk", "messages": MESSAGES}, (200, 429)),
    "moderations": Kind("/v1/moderations", {"model": "acme/judge", "input": ["be kind"]}),
    "images": Kind("/v1/images/generations", {"model": "acme/paint", "prompt": "a lighthouse"}),
    "speech": Kind("/v1/audio/speech", {"model": "acme/voice", "voice": "alloy", "input": "hello"}),
    "transcriptions": Kind("/v1/audio/transcriptions", FORM, type="multipart/form-data; boundary=b"),
    "rerank": Kind("/v1/rerank", {"model": "acme/rank", "query": "x", "documents": ["Rome", "Paris"]}),
    "models": Kind("/v1/models", None),
}
BAD = {
    "refused by the provider": Kind("/v1/chat/completions", _says("refuse", CHAT), (400,)),
    "refused in a stream": Kind("/v1/messages", _says("refuse", ASKED) | STREAMED, (400,)),
    "cut": Kind("/v1/chat/completions", {**_says("cut", CHAT), "model": "frail/talk"} | STREAMED, (200, 502)),
    "cut response": Kind(
        "/v1/responses", {**SAID, "model": "frail/talk", "input": "one two cut"} | STREAMED, (200, 502)
    ),
    "left": Kind("/v1/chat/completions", _says("slow", CHAT) | STREAMED, leaves="later"),
    "left message": Kind("/v1/messages", _says("slow", ASKED) | STREAMED, leaves="later"),
    "left early": Kind("/v1/chat/completions", _says("slow", CHAT), leaves="early"),
    "left speech": Kind("/v1/audio/speech", {"model": "acme/voice", "voice": "alloy", "input": "slow"}, leaves="later"),
    "unknown model": Kind("/v1/chat/completions", {**CHAT, "model": "acme/nothing"}, (404,)),
    "no JSON": Kind("/v1/responses", b'{"model": ', (400,)),
    "no messages": Kind("/v1/messages", {"model": "acme/talk", "max_tokens": 5}, (400,)),
    "wrong key": Kind("/v1/embeddings", {"model": "acme/embed", "input": "a"}, (401,), key="sk-nobodys"),
    "no such path": Kind("/v1/nothing", {}, (404,)),
    "bad field": Kind("/v1/chat/completions", {**CHAT, "temperature": "hot"}, (400,)),
    "no money": Kind("/v1/responses", SAID, (402,), key="poor"),
}
KINDS = GOOD | BAD


def unexpected(seen: Mapping[str, int]) -> dict[str, int]:
    """What no kind of call should have been told."""

    def fits(told: str) -> bool:
        name, _, status = told.rpartition(": ")
        kind = KINDS[name]
        return status in {str(one) for one in ((0,) if kind.leaves == "early" else kind.statuses)}

    return {told: count for told, count in seen.items() if not fits(told)}
