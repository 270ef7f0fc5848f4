"""What a provider's plugin is made of: base classes, and the tools for a wire that is not OpenAI's."""

from __future__ import annotations

from router.http_client.exceptions import AnswerTooLong
from router.types.transport import Request, Response, ResponseHead, Transport
from router.upstream.cards import load_cards
from router.upstream.compatible import CompatibleChatProvider, CompatibleProvider, Progress
from router.upstream.completions import CompletionsProvider
from router.upstream.events import PassedEvents, TranslatedEvents
from router.upstream.failures import Failure, failure_of, parse_failure, printable
from router.upstream.media import MediaProvider
from router.upstream.provider import HttpProvider
from router.upstream.ranking import ModerationsProvider, RerankProvider
from router.upstream.responses import ResponsesProvider
from router.upstream.wire import arguments_of, choices_of, dump_json, object_at, show_cached, usage_of

__all__ = [
    "AnswerTooLong",
    "CompatibleChatProvider",
    "CompatibleProvider",
    "CompletionsProvider",
    "Failure",
    "HttpProvider",
    "MediaProvider",
    "ModerationsProvider",
    "PassedEvents",
    "Progress",
    "Request",
    "RerankProvider",
    "Response",
    "ResponseHead",
    "ResponsesProvider",
    "TranslatedEvents",
    "Transport",
    "arguments_of",
    "choices_of",
    "dump_json",
    "failure_of",
    "load_cards",
    "object_at",
    "parse_failure",
    "printable",
    "show_cached",
    "usage_of",
]
