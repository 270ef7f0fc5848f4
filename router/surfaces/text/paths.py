"""Where surfaces are served that stand beside a dialect's chat: below the same prefixes."""

from __future__ import annotations

from router.types.dialect import Dialect

__all__ = ["beside_chat"]

_CHAT = "/chat/completions"


def beside_chat(dialect: Dialect, path: str) -> tuple[str, ...]:
    """The paths of a surface: ``/v1`` and ``path`` where chat is at ``/v1/chat/completions``."""
    found = (chat.removesuffix(_CHAT) for chat in dialect.chat_paths if chat.endswith(_CHAT))
    return tuple(prefix + path for prefix in found)
