"""``python -m router`` and the console script ``router``.

Nothing is monkey-patched here: commands are ordinary programs, and ``router serve`` only watches over workers. Those
are processes of their own (``router.server.worker``), whose first statement is gevent's patch.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its status."""
    from router.cli.main import cli

    cli.main()


if __name__ == "__main__":
    main()
