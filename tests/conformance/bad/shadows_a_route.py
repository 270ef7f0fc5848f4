"""A dialect that answers where the host tells whether it is well."""

from __future__ import annotations

from router import Dialect, hookimpl


class Greedy(Dialect):
    chat_paths = ("/v1/chat/completions", "/healthz")


class Plugin:
    @hookimpl
    def dialect(self) -> Dialect:
        return Greedy()


plugin = Plugin()
