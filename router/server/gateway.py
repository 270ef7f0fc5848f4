"""What the gateway's workers run: calls and, where the portal has no workers of its own, its pages as well."""

from __future__ import annotations

from pathlib import Path

from router.app.assembly import Assembly
from router.app.start import assemble
from router.http.app import Application
from router.http.pages import Pages

__all__ = ["create_gateway"]

_SHARED = frozenset({"/", "/models"})
"""Paths of the gateway where a browser that asks for a page is shown the portal's."""


def create_gateway(config_path: str, content: bytes | None = None) -> Application:
    """Build everything that a worker of the gateway needs from the configuration.

    Args:
        content: what to take for the file's content; None reads the file.

    Raises:
        ConfigError: what is wrong, where, and the remedy.
    """
    assembly = assemble(Path(config_path), content=content)
    portal = assembly.settings.portal
    return Application(assembly, _pages(assembly) if portal.enabled and not portal.workers else None)


def _pages(assembly: Assembly) -> Pages:
    from router.portal.application import Portal
    from router.portal.portal_jobs import portal_jobs

    jobs = assembly.worker_of(portal_jobs(assembly))
    jobs.start()
    portal = Portal(assembly, keyed=True)

    def close() -> None:
        jobs.close()
        portal.close()

    return Pages(portal.wsgi, portal.prefixes, _SHARED, close)
