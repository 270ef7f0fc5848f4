"""Which pages there are: each with its path, who may ask for it, and the function that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.portal.web.replies import PageReply
    from router.portal.web.requests import PageRequest

__all__ = ["ACCESS", "Handler", "PageRoute", "PageRoutes"]

ACCESS = ("public", "person", "viewer", "developer", "owner", "operator")
"""Who may ask for a page: everybody; whoever is logged in; members of the workspace with at least that role; operators
with a second factor.
"""

Handler = Callable[["PageRequest"], "PageReply"]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One page, or what takes its form.

    Attributes:
        method: ``GET`` changes nothing, ever; ``POST`` comes from a page of ours, which the guard sees to.
        path: as Flask has it: ``/app/keys/<key_id>``.
        access: one of ``ACCESS``.
        step_up: whether who they are must have been proved anew within the last minutes.
        handler: answers.
        json: whether it answers with JSON, and refusals are JSON, too.
        session_api: whether only profiles with an account API for sessions have it.
    """

    method: str
    path: str
    access: str
    handler: Handler
    step_up: bool = False
    json: bool = False
    session_api: bool = False


class PageRoutes:
    """The pages of one subject, which register themselves.

    Args:
        session_api: whether only profiles with an account API for sessions have them.
    """

    def __init__(self, *, session_api: bool = False) -> None:
        self._pages: list[PageRoute] = []
        self._session_api = session_api

    def __iter__(self) -> Iterator[PageRoute]:
        return iter(self._pages)

    def get(self, path: str, access: str, *, json: bool = False) -> Callable[[Handler], Handler]:
        """Register what shows a page."""
        return self._register("GET", path, access, step_up=False, json=json)

    def post(
        self, path: str, access: str, *, step_up: bool = False, json: bool = False
    ) -> Callable[[Handler], Handler]:
        """Register what takes a form. Of operators' pages each is asked for a fresh proof."""
        return self._register("POST", path, access, step_up=step_up or access == "operator", json=json)

    def _register(
        self, method: str, path: str, access: str, *, step_up: bool, json: bool
    ) -> Callable[[Handler], Handler]:
        if access not in ACCESS:
            raise ValueError(f"access is one of {', '.join(ACCESS)}, not {access!r}")

        def register(handler: Handler) -> Handler:
            self._pages.append(PageRoute(method, path, access, handler, step_up, json, self._session_api))
            return handler

        return register
