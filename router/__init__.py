"""What a plugin author imports: the marker, the records, the errors. Light: no flask, requests or gevent."""

from __future__ import annotations

import pluggy

from router import retired
from router.config.provider import ProviderSettings, Secret, Timeouts
from router.errors import (
    KINDS,
    BadRequest,
    BudgetExceeded,
    ConfigError,
    Conflict,
    Forbidden,
    InsufficientQuota,
    ModelNotFound,
    ModelNotPriced,
    NotFound,
    RateLimited,
    RouterError,
    Unauthorized,
    Unavailable,
    UpstreamError,
)
from router.types.claims import BALANCE, Claim, Meters, Outcome, PolicyContext, Quote, Window
from router.types.dialect import Dialect
from router.types.key_views import CreditsView, GenerationView, KeyView
from router.types.line_hooks import CallRequest, Credentials, TargetOption
from router.types.observed import AttemptRecord, RefusalRecord
from router.types.offers import Estimate, Listed, Offer, load_offers
from router.types.periods import window_of
from router.types.plugin_context import Job, PluginConnection, PluginContext, PluginDatabase
from router.types.portal_page import Facts, FormField, PageForm, PageTable, PortalPage, Text
from router.types.records import (
    AnyCall,
    Attempt,
    Budget,
    CallContext,
    CallRecord,
    ChatCall,
    EmbeddingsCall,
    Item,
    Key,
    Limits,
    Migration,
    ModelCard,
    Price,
    PriceTier,
    Reply,
    StartupContext,
    SurfaceCall,
    Units,
    Usage,
)
from router.types.request_rules import CAP, RequestRules
from router.types.routes import ACCESS, MenuEntry, PluginRoute, RouteRequest, RouteResponse, RouteSchema

__all__ = [
    "ACCESS",
    "BALANCE",
    "CAP",
    "KINDS",
    "AnyCall",
    "Attempt",
    "AttemptRecord",
    "BadRequest",
    "Budget",
    "BudgetExceeded",
    "CallContext",
    "CallRecord",
    "CallRequest",
    "ChatCall",
    "Claim",
    "ConfigError",
    "Conflict",
    "Credentials",
    "CreditsView",
    "Dialect",
    "EmbeddingsCall",
    "Estimate",
    "Facts",
    "Forbidden",
    "FormField",
    "GenerationView",
    "InsufficientQuota",
    "Item",
    "Job",
    "Key",
    "KeyView",
    "Limits",
    "Listed",
    "MenuEntry",
    "Meters",
    "Migration",
    "ModelCard",
    "ModelNotFound",
    "ModelNotPriced",
    "NotFound",
    "Offer",
    "Outcome",
    "PageForm",
    "PageTable",
    "PluginConnection",
    "PluginContext",
    "PluginDatabase",
    "PluginRoute",
    "PolicyContext",
    "PortalPage",
    "Price",
    "PriceTier",
    "ProviderSettings",
    "Quote",
    "RateLimited",
    "RefusalRecord",
    "Reply",
    "RequestRules",
    "RouteRequest",
    "RouteResponse",
    "RouteSchema",
    "RouterError",
    "Secret",
    "StartupContext",
    "SurfaceCall",
    "TargetOption",
    "Text",
    "Timeouts",
    "Unauthorized",
    "Unavailable",
    "Units",
    "UpstreamError",
    "Usage",
    "Window",
    "__version__",
    "hookimpl",
    "load_offers",
    "window_of",
]

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("router")
"""Marks a function or method as the implementation of the hook of the same name (see ``router.hookspecs``)."""

retired.install()
