"""Old import paths of plugins: they lead to the new ones, and say so, for one version."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["PATHS", "install"]

PATHS = {
    "router.calendars": "router.types.periods",
    "router.claims": "router.types.claims",
    "router.dialect": "router.types.dialect",
    "router.keys": "router.types.keys",
    "router.offers": "router.types.offers",
    "router.prices": "router.money.prices",
    "router.registry": "router.plugin_host.registry",
    "router.rules": "router.types.request_rules",
    "router.sections": "router.config.schema",
    "router.settings": "router.config.provider",
    "router.usage": "router.money.usage",
    "router.upstream.exceptions": "router.http_client.exceptions",
    "router.upstream.transport": "router.types.transport",
}
"""Path of version 0.1 -> where its names are now. What authors import is in ``router`` and ``router.upstream``."""


class _Loader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(PATHS[spec.name])
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back what the import system has overwritten: it was executed under its own name."""
        module.__spec__ = self._spec


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in PATHS:
            return None
        package = "router.upstream" if fullname.startswith("router.upstream.") else "router"
        warnings.warn(
            f"{fullname} goes in version 0.3: import its names from {package}, or from {PATHS[fullname]}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return ModuleSpec(fullname, _Loader())


def install() -> None:
    """Have Python find them. Harmless when called again."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
