"""Exceptions of requests and urllib3, and what they mean; asked for once they are imported."""

from __future__ import annotations

import sys

__all__ = ["rows"]

_TIMEOUT = {
    "requests.exceptions": ("ConnectTimeout", "ReadTimeout", "Timeout"),
    "urllib3.exceptions": ("ConnectTimeoutError", "EmptyPoolError", "ReadTimeoutError", "TimeoutError"),
}
_CONNECTION = {
    "requests.exceptions": (
        *("ChunkedEncodingError", "ConnectionError", "HTTPError", "InvalidProxyURL", "ProxyError", "RequestException"),
        *("RetryError", "SSLError", "StreamConsumedError", "TooManyRedirects", "UnrewindableBodyError"),
    ),
    "urllib3.exceptions": (
        *("ClosedPoolError", "FullPoolError", "HTTPError", "HostChangedError", "IncompleteRead", "MaxRetryError"),
        *("NameResolutionError", "NewConnectionError", "PoolError", "ProtocolError", "ProxyError"),
        *("ProxySchemeUnknown", "ProxySchemeUnsupported", "RequestError", "ResponseError", "SSLError"),
        *("TimeoutStateError", "UnrewindableBodyError"),
    ),
}
_MALFORMED = {
    "requests.exceptions": ("ContentDecodingError", "InvalidJSONError", "JSONDecodeError"),
    "urllib3.exceptions": (
        *("BodyNotHttplibCompatible", "DecodeError", "HeaderParsingError", "InvalidChunkLength", "InvalidHeader"),
        "ResponseNotChunked",
    ),
}


def rows(module: str) -> dict[type[BaseException], str]:
    """Exception class -> kind of ``UpstreamError``, of one of the two modules, which is imported already."""
    kinds = {"connection": _CONNECTION, "malformed": _MALFORMED, "timeout": _TIMEOUT}
    held = sys.modules[module]
    return {getattr(held, name): kind for kind, names in kinds.items() for name in names[module]}
