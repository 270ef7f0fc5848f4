"""L11: a wrapper round a streaming hook, which would end before the first token."""

from __future__ import annotations

from collections.abc import Generator

from router import Reply, hookimpl


class Timing:
    @hookimpl(wrapper=True)
    def chat(self) -> Generator[None, Reply, Reply]:
        reply = yield
        return reply


plugin = Timing()
