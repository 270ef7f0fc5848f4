"""A scripted provider: a real HTTP/1.1 server on loopback whose every byte a test decides."""

from __future__ import annotations

from router.testing.upstream.connection import ReceivedRequest
from router.testing.upstream.scripts import Answer, Raw, Script, Stream, sse, stream
from router.testing.upstream.server import Handler, ScriptedUpstream
from router.testing.upstream.wire import chunks, completion, embeddings, error, models, token_usage, vector

__all__ = [
    "Answer",
    "Handler",
    "Raw",
    "ReceivedRequest",
    "Script",
    "ScriptedUpstream",
    "Stream",
    "chunks",
    "completion",
    "embeddings",
    "error",
    "models",
    "sse",
    "stream",
    "token_usage",
    "vector",
]
