"""A portal in small, as a worker's application: says by what it serves, and which processes do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from router.app.start import assemble
from router.errors import ConfigError, RouterError

__all__ = ["SmallPortal", "create"]


class SmallPortal:
    """What ``router.server.worker`` runs; every path answers the same."""

    calls = None
    call_max_s = 5.0
    plugins: Mapping[str, str] = {}
    leaving = False
    asked_at: float | None = None
    metrics = None
    tls = None

    def __init__(self, config_path: str, content: bytes | None) -> None:
        self._assembly = assemble(Path(config_path), content=content, without_keys=True)
        self.settings = self._assembly.settings

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """The WSGI callable."""
        settings = self.settings
        providers = self._assembly.providers
        body = {
            "name": settings.portal.name,
            "pid": os.getpid(),
            "master": os.getppid(),
            "active": sorted(name for name, one in providers.items() if one.active),
            "models": sorted(self._assembly.catalogue.snapshot().entries),
            "environ": sorted(os.environ),
            "mail_password": settings.mail.password.reveal(),
            "gevent_patched": "gevent.monkey" in sys.modules,
        }
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(body).encode("utf-8")]

    def render_error(self, error: RouterError, request_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Of what never reaches ``wsgi``."""
        return error.status, [], error.message.encode("utf-8")

    def busy(self) -> int:
        """Nothing is left behind."""
        return 0

    def close(self) -> None:
        """Close the database."""
        self._assembly.close()


def create(config_path: str, content: bytes | None = None) -> SmallPortal:
    """The worker's application; refuses a configuration whose portal is called ``refused``."""
    portal = SmallPortal(config_path, content)
    if portal.settings.portal.name == "refused":
        raise ConfigError("[portal] name: this name is refused")
    return portal
