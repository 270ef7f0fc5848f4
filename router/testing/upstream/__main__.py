"""``python -m router.testing.upstream --port N``: a provider to try things against, until the process ends."""

from __future__ import annotations

import argparse
import signal
import sys

from router.testing.upstream.server import ScriptedUpstream

__all__ = ["main"]


def main() -> int:
    """Serve until SIGTERM or SIGINT; print the base URL as soon as connections are accepted."""
    parser = argparse.ArgumentParser(prog="python -m router.testing.upstream", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on loopback; a free one where omitted")
    parser.add_argument("--gap-ms", type=float, default=0.0, help="time between two events of a stream")
    parser.add_argument("--api-key", help="refuse other keys than this")
    options = parser.parse_args()
    stopping = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)  # before the first thread, which inherits it
    with ScriptedUpstream(port=options.port, api_key=options.api_key, gap_s=options.gap_ms / 1000) as upstream:
        print(upstream.url, flush=True)
        signal.sigwait(stopping)
    return 0


sys.exit(main())
