"""The public test kit: a scripted upstream and the wires it plays, the gateway as a process, the gateway in-process."""

from __future__ import annotations

from router.testing.client import Client, EventStream, Result
from router.testing.gateway import CommandFailed, Gateway, GatewayFailed, free_port
from router.testing.samples import PaymentSamples
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
from router.testing.upstream.wires.shape import ErrorRow, Wire

__all__ = [
    "Answer",
    "Client",
    "CommandFailed",
    "ErrorRow",
    "EventStream",
    "Gateway",
    "GatewayFailed",
    "Handler",
    "PaymentSamples",
    "Raw",
    "ReceivedRequest",
    "Result",
    "Script",
    "ScriptedUpstream",
    "Stream",
    "Wire",
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
