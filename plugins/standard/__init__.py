"""The default profile: OpenAI's own shapes, as ``router.Dialect`` (``router/types/dialect.py``) has them."""

from __future__ import annotations

from router import Dialect, hookimpl

__all__ = ["plugin"]


class Standard:
    """The dialect ``standard``."""

    @hookimpl
    def dialect(self) -> Dialect:
        return Dialect()


plugin = Standard()
