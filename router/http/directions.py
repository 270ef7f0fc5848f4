"""Where a client should go that asks for what is not there: its base URL, the paths, the setting that helps."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from router.providers.profile import DESCRIPTION
from router.types.dialect import Dialect
from router.types.peer import Peer

__all__ = ["Directions", "base_paths"]

_CHAT = "/chat/completions"
_NEAR = 0.8
_ELSEWHERE: Mapping[str, str] = {
    "assistants": "assistants keep conversations, and this gateway keeps none: send each whole to {chat}",
    "threads": "threads keep conversations, and this gateway keeps none: send each whole to {chat}",
    "fine_tuning": "models are not trained here",
    "vector_stores": "this gateway keeps no documents: use {base}/embeddings and a store of your own",
    "realtime": "there are no WebSockets here: use streams of {chat}",
    "evals": "models are not graded here",
}
"""First segment of a path of OpenAI's -> why it is not served."""


def base_paths(dialect: Dialect) -> tuple[str, ...]:
    """``/`` and the path of the base URL, which comes last: there the directions are shown."""
    chat = next(iter(dialect.chat_paths), "")
    base = chat.removesuffix(_CHAT) if chat.endswith(_CHAT) else ""
    return tuple(dict.fromkeys(("/", base or "/v1")))


class Directions:
    """Gives directions. One per application.

    Args:
        dialect: what is served, and where.
        profile: its name.
        paths: all that are served.
        meant: path -> the path of calls that it ends with; empty where it ends with none.
    """

    def __init__(self, dialect: Dialect, profile: str, paths: Iterable[str], meant: Callable[[str], str]) -> None:
        self._profile = profile
        self._paths = sorted({path for path in paths if "<" not in path and "{" not in path})
        self._meant = meant
        self._chat = next(iter(dialect.chat_paths), "")
        self._base_paths = base_paths(dialect)
        self._no_embeddings = not dialect.embeddings_paths

    def page(self, peer: Peer) -> dict[str, Any]:
        """What is shown at the base URL itself."""
        base, root = self._urls(peer)
        return {
            "message": f"This is an LLM gateway that speaks OpenAI's API. Set your client's base URL to {base}, and "
            "send your key as 'Authorization: Bearer YOUR_KEY'.",
            "base_url": base,
            "description": f"{root}{DESCRIPTION}",
            "paths": self._paths,
        }

    def not_found(self, where: str, peer: Peer) -> str:
        """What a 404 says.

        Args:
            where: method and path, ``GET /v1/nothing``.
        """
        path = where.partition(" ")[2]
        base, root = self._urls(peer)
        meant = self._meant(path)
        if meant:
            return f"{where} is not served here. Set your client's base URL to {base}, so that it calls {meant}."
        first = next((one for one in path.split("/") if one not in ("", "v1", "api", "openai")), "")
        if first == "embeddings" and self._no_embeddings:
            return f"{where} is not served here: the profile {self._profile!r} ([gateway] profile) has no embeddings."
        if first in _ELSEWHERE:
            return f"{where} is not served here; {_ELSEWHERE[first].format(base=base, chat=f'{root}{self._chat}')}."
        near = difflib.get_close_matches(path, self._paths, n=1, cutoff=_NEAR)
        hint = f"Did you mean {near[0]}?" if near else f"The base URL is {base}, and GET {base} lists all paths."
        return f"{where} is not served here. {hint}"

    def wrong_method(self, where: str, allowed: str, peer: Peer) -> str:
        """What a 405 says.

        Args:
            where: as in ``not_found``.
            allowed: the methods, ``GET, HEAD``.
        """
        method, _, path = where.partition(" ")
        said = f"{where} is not possible; the method here is {allowed or 'another'}."
        if method == "OPTIONS":
            return f"{said} Web pages may call this gateway where [server] cors_origins names their origin."
        if method == "POST" and path in self._base_paths:
            return f"{said} Calls go to {self._urls(peer)[1]}{self._chat}."
        return said

    def _urls(self, peer: Peer) -> tuple[str, str]:
        """The base URL, and the URL of ``/``, as the client sees them; paths alone where it named no host."""
        root = f"{peer.scheme or 'http'}://{peer.host}" if peer.host else ""
        return f"{root}{self._base_paths[-1]}", root
