"""What master and worker agree on. Both import it, so it imports nothing."""

from __future__ import annotations

__all__ = ["BEAT", "BEAT_S", "DEFAULT_APP", "EXIT_REFUSED", "EXIT_WAITING", "READY", "RELOAD", "RETIRE"]

DEFAULT_APP = "router.server.gateway:create_gateway"
EXIT_REFUSED = 3
"""A worker's exit status when the configuration is refused: starting it again would not help."""
EXIT_WAITING = 4
"""A worker's exit status when the database does not answer, or takes no writes: starting it again later may help."""
READY = b"ready "
"""What a worker writes when it accepts connections, with a JSON object behind it and a line feed: ``stop_s``, how long
it may take to end once it is told to stop, ``plugins``, the names of those that are loaded, and ``url``, where it
serves, of a master. The end of the pair means that the other side is gone."""
BEAT = b"\n"
"""What a worker writes every ``BEAT_S`` from then on: its event loop turns."""
BEAT_S = 1.0
RETIRE = b"retire\n"
"""What the master writes when others have taken over: take no further connections, finish the calls, end."""
RELOAD = b"reload\n"
"""What the gateway's master writes to the portal's, with the descriptor of a file that holds the configuration."""
