"""What a plugin author imports: the marker, the records, the errors. Light: no flask, requests or gevent."""

from __future__ import annotations

import pluggy

from router.dialect import Dialect
from router.errors import (
    BadRequest,
    ConfigError,
    Forbidden,
    ModelNotFound,
    NotFound,
    RouterError,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from router.settings import ProviderSettings, Secret, Timeouts
from router.types import (
    Attempt,
    CallContext,
    CallRecord,
    ChatCall,
    EmbeddingsCall,
    Item,
    Key,
    Migration,
    ModelCard,
    Price,
    Reply,
    StartupContext,
    Usage,
)

__all__ = [
    "Attempt",
    "BadRequest",
    "CallContext",
    "CallRecord",
    "ChatCall",
    "ConfigError",
    "Dialect",
    "EmbeddingsCall",
    "Forbidden",
    "Item",
    "Key",
    "Migration",
    "ModelCard",
    "ModelNotFound",
    "NotFound",
    "Price",
    "ProviderSettings",
    "Reply",
    "RouterError",
    "Secret",
    "StartupContext",
    "Timeouts",
    "Unauthorized",
    "Unavailable",
    "UpstreamError",
    "Usage",
    "__version__",
    "hookimpl",
]

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("router")
"""Marks a function or method as the implementation of the hook of the same name (see ``router.hookspecs``)."""
