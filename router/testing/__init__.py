"""The public test kit: a scripted upstream, the gateway as a process, the gateway in-process."""

from __future__ import annotations

from router.testing.client import Client, EventStream, Result
from router.testing.gateway import CommandFailed, Gateway, GatewayFailed, free_port
from router.testing.upstream import (
    Answer,
    Handler,
    Raw,
    ReceivedRequest,
    Script,
    ScriptedUpstream,
    Stream,
    chunks,
    completion,
    embeddings,
    error,
    models,
    sse,
    stream,
    token_usage,
    vector,
)

__all__ = [
    "Answer",
    "Client",
    "CommandFailed",
    "EventStream",
    "Gateway",
    "GatewayFailed",
    "Handler",
    "Raw",
    "ReceivedRequest",
    "Result",
    "Script",
    "ScriptedUpstream",
    "Stream",
    "chunks",
    "completion",
    "embeddings",
    "error",
    "free_port",
    "models",
    "sse",
    "stream",
    "token_usage",
    "vector",
]
