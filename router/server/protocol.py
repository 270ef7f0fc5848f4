"""What master and worker agree on. Both import it, so it imports nothing."""

from __future__ import annotations

__all__ = ["DEFAULT_APP", "EXIT_REFUSED", "EXIT_WAITING", "READY"]

DEFAULT_APP = "router.http.app:create_application"
EXIT_REFUSED = 3
"""A worker's exit status when the configuration is refused: starting it again would not help."""
EXIT_WAITING = 4
"""A worker's exit status when the database does not answer, or takes no writes: starting it again later may help."""
READY = b"ready"
"""What a worker writes when it accepts connections. The end of the pair means that the other side is gone."""
