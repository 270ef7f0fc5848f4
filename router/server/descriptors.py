"""How many files a worker may have open, and so how many connections it can serve."""

from __future__ import annotations

import contextlib
import resource

__all__ = ["connections_for", "raise_limit"]

_WANTED = 2**20  # above this the kernel may say no, and nobody needs it
_OTHERS = 256  # the database, the log, providers' idle connections, what libraries open
_EACH = 2  # a client's connection and its call's to the provider
_LEAST = 16


def raise_limit() -> int:
    """Raise the limit on open files as far as this process may; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return _WANTED if soft == resource.RLIM_INFINITY else soft


def connections_for(files: int) -> int:
    """How many connections fit into so many open files."""
    return max(_LEAST, (files - _OTHERS) // _EACH)
